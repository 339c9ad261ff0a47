# Copyright (c) pyweb.stack contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/")
async def index(request: Request) -> dict[str, str]:
    return {"app": "api", "url": str(request.url)}
