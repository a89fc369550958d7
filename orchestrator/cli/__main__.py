"""`python -m orchestrator.cli`, by which our own processes are started."""

from orchestrator.cli import main

if __name__ == "__main__":
    main()
