"""`python -m lab`: its commands, in the project's own environment."""

import own_environment

if __name__ == "__main__":
    own_environment.enter("lab")
    from lab.commands import main

    main()
