"""The Celery app of the shop: one task, and a folder as its broker."""

import os

from celery import Celery
from shop import ask

FOLDER = os.environ["BROKER_FOLDER"]
app = Celery("shop", broker="filesystem://", set_as_current=False)
app.conf.update(
    broker_transport_options={"data_folder_in": FOLDER, "data_folder_out": FOLDER, "control_folder": FOLDER},
    worker_hijack_root_logger=False,
)
app.task(name="ask")(ask)

if __name__ == "__main__":
    for _ in range(int(os.environ["TASKS"])):
        app.send_task("ask")
