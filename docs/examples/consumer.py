#!/usr/bin/env python3
"""Prints every event of a wac event stream once, as one line of JSON.

    pip install -r requirements.txt
    python consumer.py localhost:9092                 # follow for ever
    python consumer.py localhost:9092 --until-end     # stop at what is there now

The order holds within each stream (`subject`); see ../event-stream.md.
"""

import argparse
import json
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException

CONTEXTS = ["domains", "users", "auth", "sessions", "rooms", "calls", "groups", "media", "system", "other"]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("brokers", help="bootstrap servers, host:port[,host:port]")
    arguments.add_argument("--product", default="wac", help="first part of the topics' names")
    arguments.add_argument("--group", default="wac-example", help="consumer group")
    arguments.add_argument("--until-end", action="store_true", help="stop at the end of what is there now")
    options = arguments.parse_args()

    consumer = Consumer({
        "bootstrap.servers": options.brokers,
        "group.id": options.group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,  # Positions live with the results, here in memory.
        "enable.partition.eof": options.until_end,
    })
    partitions = set()  # Assigned and not yet read to their end.
    consumer.subscribe(
        [f"{options.product}.{context}.events.v1" for context in CONTEXTS],
        on_assign=lambda _, assigned: partitions.update((p.topic, p.partition) for p in assigned),
    )
    guard = {}  # The greatest position seen in each partition. A real consumer stores it with its results.
    started = False
    while not (options.until_end and started and not partitions):
        message = consumer.poll(1.0)
        if message is None:
            continue
        place = (message.topic(), message.partition())
        if message.error():
            if message.error().code() == KafkaError._PARTITION_EOF:
                started = True
                partitions.discard(place)
                continue
            if message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                if options.until_end:
                    sys.exit(f"{message.error().str()}: the relay makes it when it first gets to Kafka.")
                continue  # Whoever follows waits for it.
            raise KafkaException(message.error())
        headers = {name: value.decode() for name, value in message.headers()}
        position = int(headers["ce_sequence"])
        if position <= guard.get(place, 0):
            continue  # The guard rule: a relay that was killed may have sent this one twice.
        guard[place] = position
        print(json.dumps({
            "position": position,
            "type": headers["ce_type"],
            "subject": headers["ce_subject"],
            "time": headers["ce_time"],
            "domain": headers.get("ce_tenantid"),
            "data": json.loads(message.value()),
        }), flush=True)
    consumer.close()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
