"""From a folder of pictures to a model, with Python's standard library alone.

    python3 train.py ./pets
"""
import io
import json
import os
import sys
import tarfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

SERVICE = os.environ.get("FEATURE_MAPS_URL", "http://127.0.0.1:3000")
KEY = os.environ.get("FEATURE_MAPS_KEY")


def ask(path, body=None, content_type="application/json"):
    """Asks the service; a problem's own sentences become the exception."""
    headers = {"content-type": content_type, "idempotency-key": uuid.uuid4().hex}
    if KEY:
        headers["authorization"] = f"Bearer {KEY}"
    if body is not None and content_type == "application/json":
        body = json.dumps(body).encode()
    request = urllib.request.Request(SERVICE + path, data=body, headers=headers)
    for attempt in range(5):
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in (429, 503) and attempt < 4:
                time.sleep(float(error.headers.get("retry-after", 1)))
                continue
            problem = json.load(error)
            places = "".join(f"\n  {each['pointer']}: {each['detail']}" for each in problem["errors"])
            raise SystemExit(f"{problem['detail']}{places}") from error


def form(fields, archive):
    """multipart/form-data, which the standard library reads but does not write."""
    boundary = uuid.uuid4().hex
    body = b""
    for name, value in fields.items():
        body += f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    body += f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="pictures.tar"\r\n\r\n'.encode()
    body += archive + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def finished(path):
    """Asks until it has ended."""
    while True:
        answer = ask(path)
        if answer["terminal"]:
            return answer
        time.sleep(0.5)


folder = Path(sys.argv[1])
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w") as tar:
    tar.add(folder, arcname=".")
fields = {"name": "pictures", "size": 16, "splits": json.dumps({"test": 0.2})}
dataset = finished("/v1/datasets/" + ask("/v1/datasets", *form(fields, archive.getvalue()))["id"])
if dataset["status"] == "rejected":
    raise SystemExit("\n".join(each["detail"] for each in dataset["problems"]))

job = ask("/v1/jobs", {"dataset": dataset["id"], "network": "fast-mnist", "epochs": 12})
job = finished("/v1/jobs/" + job["id"])
if job["status"] != "succeeded":
    raise SystemExit(job["error"]["detail"])
print(f"model {job['model']}: accuracy {job['result']['test']['accuracy']}")

picture = sorted(folder.rglob("*.png"))[0]
answer = ask(f"/v1/models/{job['model']}/predictions", picture.read_bytes(), "image/png")
print(f"{picture} is {answer['predictions'][0]['name']}")
