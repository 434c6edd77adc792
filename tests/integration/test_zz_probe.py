def test_hang(kafka, redis_server, rabbitmq):
    import time, pathlib

    pathlib.Path("/tmp/probe_up").write_text("x")
    while True:
        time.sleep(1)
