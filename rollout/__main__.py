"""`python -m rollout`: the commands, in the project's own environment."""

import own_environment

if __name__ == "__main__":
    own_environment.enter("rollout")
    from components.commands.main import main

    main()
