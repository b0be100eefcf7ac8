"""`python -m tools`: its commands, in the project's own environment."""

import own_environment

if __name__ == "__main__":
    own_environment.enter("tools")
    from tools.commands import main

    main()
