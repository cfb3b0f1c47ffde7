# A foreign peer: asks a queue, or answers one, with what pika gives and nothing of ours.
import json
import sys
import threading

import pika

url, role, queue = sys.argv[1:4]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()

def tell_deeply(depth):
    table = {}
    for _ in range(depth):
        table = {"": table}
    channel.basic_publish("", queue, b'{"text":"deep"}', pika.BasicProperties(type="note", headers={"a": table}))
    connection.close()


if role == "deep":
    # pika writes tables by recursion.
    sys.setrecursionlimit(1_000_000)
    threading.stack_size(256 * 1024 * 1024)
    writer = threading.Thread(target=tell_deeply, args=(int(sys.argv[4]),))
    writer.start()
    writer.join()
elif role == "ask":
    replies = channel.queue_declare("", exclusive=True).method.queue
    for number, line in enumerate(sys.argv[4:]):
        channel.basic_publish("", queue, line.encode(), pika.BasicProperties(
            reply_to=replies, correlation_id=f"pika-{number}", content_type="application/json"))
        for method, properties, body in channel.consume(replies, inactivity_timeout=20):
            if method is None:
                sys.exit("no answer")
            channel.basic_ack(method.delivery_tag)
            print(json.dumps([properties.correlation_id, properties.headers, json.loads(body)]))
            break
else:
    channel.queue_declare(queue, auto_delete=True)

    def answer(channel, method, properties, body):
        value = json.loads(body)
        value["text"] = f"{properties.type} {value['text']} {sorted(properties.headers)[0]}"
        channel.basic_publish("", properties.reply_to, json.dumps(value).encode(), pika.BasicProperties(
            correlation_id=properties.correlation_id))
        channel.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, answer)
    print("ready", flush=True)
    channel.start_consuming()
