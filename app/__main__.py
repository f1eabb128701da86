"""`python -m app`: run the service that `app.main` composes."""

from app.main import main

if __name__ == "__main__":
    main()
