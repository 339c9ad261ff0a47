"""python -m guestbook migrate | assets"""

import sys

from . import app, assets, db


def main(arguments: list[str]) -> int:
    match arguments:
        case ["migrate"]:
            steps = db.migrate(app.config["DATABASE"])
            print(f"{app.config['DATABASE']}: {steps} step(s) applied, the schema is at {len(db.MIGRATIONS)}")
        case ["assets"]:
            for plain, hashed in assets.build().items():
                print(f"{plain} -> {hashed}")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
