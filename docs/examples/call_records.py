#!/usr/bin/env python3
"""Adds up the call records of a wac deployment: legs, answered ones and seconds for each caller, as one line of JSON.

    pip install -r requirements.txt
    python call_records.py localhost:9092 --until-end

A leg may have more than one record (its quality comes later): the last one holds. See ../cdr.md.
"""

import argparse
import json
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("brokers", help="bootstrap servers, host:port[,host:port]")
    arguments.add_argument("--product", default="wac", help="first part of the topic's name")
    arguments.add_argument("--group", default="wac-call-records", help="consumer group")
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
        [f"{options.product}.cdr.records.v1"],
        on_assign=lambda _, assigned: partitions.update((p.topic, p.partition) for p in assigned),
    )
    guard = {}  # The greatest position seen in each partition. A real consumer stores it with its results.
    legs = {}  # The last record of each leg.
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
        position = int(dict(message.headers())["ce_sequence"])
        if position <= guard.get(place, 0):
            continue  # The guard rule: a relay that was killed may have sent this one twice.
        guard[place] = position
        record = json.loads(message.value())
        legs[record["leg"]] = record
        if not options.until_end:
            print(json.dumps(record), flush=True)
    consumer.close()

    callers = {}
    for record in legs.values():
        sums = callers.setdefault(record["caller"], {"legs": 0, "answered": 0, "seconds": 0.0})
        sums["legs"] += 1
        sums["answered"] += record["outcome"] == "answered"
        sums["seconds"] += record["durationMs"] / 1000
    print(json.dumps(callers))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
