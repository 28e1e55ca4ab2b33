"""The endpoint generator against a server on this machine that misbehaves in every way we know."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness import store
from harness.config import EvalConfig, build
from harness.datasets import load
from harness.errors import ConfigError, ModelError, RunError
from harness.generators import server as asking
from harness.generators.endpoint import Endpoint
from harness.run import Place, evaluate_config
from harness.types import Prompt

QUESTIONS = 12


def write(body):
    """Answer deterministically: SQL that hangs on the prompt and the seed."""
    prompt = body["messages"][0]["content"] if "messages" in body else body["prompt"]
    number = int(hashlib.sha256(f"{prompt} {body.get('seed')}".encode()).hexdigest()[:4], 16)
    return f"SELECT {number % 50};\n\n-- Question: another one?"


def completion(body, text=None, **more):
    text = write(body) if text is None else text
    choice = {"message": {"content": text}} if "messages" in body else {"text": text}
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return {"choices": [{**choice, "finish_reason": "stop", **more}], "usage": usage}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.seen.append((self.path, body, dict(self.headers)))
            number = len(self.server.seen) - 1
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.server.behave(self, number, body)

    def answer(self, content, status=200, **headers):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_):
        pass


@contextlib.contextmanager
def serving(behave, port=0):
    server = Quiet(("127.0.0.1", port), Handler)
    server.seen, server.lock, server.behave = [], threading.Lock(), behave
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def well(handler, _number, body):
    handler.answer(completion(body))


def endpoint(server, **options):
    address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    return Endpoint(**{"base_url": address, "model": "m", "retries": 3, "timeout_s": 20.0, **options})


def prompts(count=1):
    return [Prompt(index, "-- schema\n", f"-- Question: {index}\n-- SQL:\n") for index in range(count)]


def ask(generator, count=1):
    return sorted(generator.generate(prompts(count)), key=lambda one: (one.index, one.sample))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 0.01)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def once(misbehave):
    """Misbehave at the first request, then answer."""

    def behave(handler, number, body):
        if number:
            handler.answer(completion(body))
        else:
            misbehave(handler, body)

    return behave


def hang_up(handler, _body):
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def hang_up_in_mid_body(handler, body):
    data = json.dumps(completion(body)).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.close_connection = True


def send_half_as_if_it_were_all(handler, body):
    handler.answer(json.dumps(completion(body)).encode()[:20])


PASSING = {
    "429": lambda handler, _: handler.answer({"error": {"message": "slow down"}}, 429),
    "500": lambda handler, _: handler.answer(b"oops", 500),
    "502 of a proxy": lambda handler, _: handler.answer(b"<html>Bad Gateway</html>", 502),
    "503": lambda handler, _: handler.answer(b"", 503, Retry_After="0"),
    "408": lambda handler, _: handler.answer(b"", 408),
    "a page instead of JSON": lambda handler, _: handler.answer(b"<html>Welcome</html>"),
    "half an answer": send_half_as_if_it_were_all,
    "a cut connection": hang_up,
    "a connection cut in mid-body": hang_up_in_mid_body,
}


@pytest.mark.parametrize("misbehave", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_asked_again(misbehave):
    with serving(once(misbehave)) as server:
        generator = endpoint(server)
        (answer,) = ask(generator)
    assert answer.text == write({"prompt": prompts()[0].text}).partition("\n")[0]
    assert len(server.seen) == 2
    assert generator.usage == {"retried": 1.0}


def test_a_request_says_what_is_wanted_and_nothing_else():
    with serving(well) as server:
        (answer,) = ask(endpoint(server, extra={"stop": ["\n\n"]}))
    path, body, headers = server.seen[0]
    assert path == "/v1/completions"
    wanted = {"model": "m", "prompt": prompts()[0].text, "max_tokens": 256, "temperature": 0.0, "stop": ["\n\n"]}
    assert body == wanted
    assert "Authorization" not in headers
    assert (answer.finish_reason, answer.prompt_tokens, answer.completion_tokens) == ("stop", 7, 3)


def test_a_statement_ends_where_the_other_back_ends_end_it():
    text = "SELECT ';' FROM t;\n\n-- Question: more"
    with serving(lambda handler, _, body: handler.answer(completion(body, text, finish_reason="length"))) as server:
        (answer,) = ask(endpoint(server))
    assert (answer.text, answer.finish_reason) == ("SELECT ';' FROM t;", "stop")


def test_an_answer_cut_off_at_the_token_limit_says_so():
    def behave(handler, _, body):
        handler.answer(completion(body, "SELECT a, b", finish_reason="length"))

    with serving(behave) as server:
        (answer,) = ask(endpoint(server))
    assert (answer.text, answer.finish_reason) == ("SELECT a, b", "length")


def test_chat_sends_one_message_and_an_answer_without_text_is_empty():
    with serving(well) as server:
        (answer,) = ask(endpoint(server, api="chat"))
        server.behave = lambda handler, _, body: handler.answer({"choices": [{"message": {"content": None}}]})
        (nothing,) = ask(endpoint(server, api="chat"))
    path, body, _ = server.seen[0]
    assert path == "/v1/chat/completions"
    assert body["messages"] == [{"role": "user", "content": prompts()[0].text}]
    assert answer.text.startswith("SELECT ")
    assert (nothing.text, nothing.prompt_tokens) == ("", 0)


def test_each_sample_is_a_request_with_a_seed_of_its_own():
    with serving(well) as server:
        answers = ask(endpoint(server, samples=3, temperature=0.8, top_p=0.9, seed=5), 2)
    assert [(one.index, one.sample) for one in answers] == [(i, s) for i in range(2) for s in range(3)]
    assert sorted(body["seed"] for _, body, _ in server.seen) == [5, 5, 6, 6, 7, 7]
    assert {body["top_p"] for _, body, _ in server.seen} == {0.9}
    assert len({one.text for one in answers}) > 1


@pytest.mark.parametrize("api", ["completions", "chat"])
def test_probabilities_are_added_up_to_where_the_statement_ends(api):
    tokens = [("SELECT", -0.5), (" 1", -0.25), (";", -0.125), ("\n\n", -9.0), ("more", -9.0)]
    pairs = [{"token": token, "logprob": value} for token, value in tokens]
    told = {"tokens": [token for token, _ in tokens], "token_logprobs": [value for _, value in tokens]}

    def behave(handler, _, body):
        text = "".join(token for token, _ in tokens)
        handler.answer(completion(body, text, logprobs={"content": pairs} if api == "chat" else told))

    with serving(behave) as server:
        (answer,) = ask(endpoint(server, api=api, logprobs=True))
    assert server.seen[0][1]["logprobs"] is True or server.seen[0][1]["logprobs"] == 1
    assert answer.logprob == pytest.approx(-0.875)


def test_a_server_that_tells_no_probabilities_is_no_error():
    with serving(well) as server:
        (answer,) = ask(endpoint(server, logprobs=True))
    assert answer.logprob is None


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(status, as_date, monkeypatch):
    waits = []
    monkeypatch.setattr(threading.Event, "wait", lambda _, timeout=None: waits.append(timeout))
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True) if as_date else "30"
    with serving(once(lambda handler, _: handler.answer(b"", status, Retry_After=header))) as server:
        ask(endpoint(server))
        monkeypatch.undo()
    assert 25 <= max(wait for wait in waits if wait) <= 30


def test_a_server_that_wants_a_very_long_rest_ends_the_run_at_once():
    with (
        serving(lambda handler, *_: handler.answer(b"", 429, Retry_After="86400")) as server,
        pytest.raises(RunError, match=r"429 .*1 try, and it asks to wait 86400 s; .*--resume"),
    ):
        ask(endpoint(server))
    assert len(server.seen) == 1


def test_waits_double_up_to_a_minute_and_are_shortened_at_random(monkeypatch):
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 1.0)
    for attempt, longest in enumerate([1, 2, 4, 8, 16, 32, 60, 60]):
        waits = [asking._wait_s(attempt, 0.0) for _ in range(50)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
    assert asking._wait_s(0, 7.0) == 7.0


def test_a_slow_server_is_asked_again_and_then_given_up():
    released = threading.Event()
    with serving(lambda *_: released.wait(20)) as server:
        with pytest.raises(RunError, match=r"no answer within 0\.1 s after 2 tries; what was finished is kept"):
            ask(endpoint(server, timeout_s=0.1, retries=1))
        released.set()
    assert len(server.seen) == 2


def test_an_answer_that_trickles_in_is_given_up_too():
    def trickle(handler, *_):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b" ")
            time.sleep(0.02)

    with (
        serving(trickle) as server,
        pytest.raises(RunError, match=r"no answer within 0\.3 s"),
    ):
        ask(endpoint(server, timeout_s=0.3, retries=0))


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (400, {"error": {"message": "maximum context length is 4096 tokens"}}, "maximum context length is 4096 tokens"),
        (401, {"error": {"message": "no key"}}, r"no key; .*api_key_env"),
        (404, {"detail": "Not Found"}, r"Not Found.*generator\.base_url"),
        (422, {"message": "seed: unknown"}, "seed: unknown"),
        (400, {"error": "model 'm' not found"}, "model 'm' not found"),
        (418, b"short and stout", "short and stout"),
        (301, b"", r"generator\.base_url"),
    ],
)
def test_what_the_server_refuses_is_not_asked_again_and_said_in_its_words(status, content, said):
    with (
        serving(lambda handler, *_: handler.answer(content, status)) as server,
        pytest.raises(ModelError, match=said),
    ):
        ask(endpoint(server, concurrency=1), 3)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "shape", [{}, {"choices": []}, {"choices": [{"text": 3}]}, [], {"error": "x"}, None, {"choices": [{"message": {}}]}]
)
def test_json_of_another_shape_is_one_clear_error(shape):
    with (
        serving(lambda handler, *_: handler.answer(shape)) as server,
        pytest.raises(ModelError, match=r"not the answer of an OpenAI-compatible server .*generator\.api"),
    ):
        ask(endpoint(server))


def test_nothing_is_listening(monkeypatch):
    with serving(well) as server:
        generator = endpoint(server, retries=1)
    with pytest.raises(RunError, match="after 2 tries"):
        ask(generator)


def test_the_key_is_sent_and_stands_in_no_message(monkeypatch):
    monkeypatch.setenv("OUR_KEY", "sk-secret")

    def behave(handler, *_):
        handler.answer({"error": {"message": f"bad key {handler.headers['Authorization']}"}}, 401)

    with serving(behave) as server, pytest.raises(ModelError) as raised:
        ask(endpoint(server, api_key_env="OUR_KEY"))
    assert server.seen[0][2]["Authorization"] == "Bearer sk-secret"
    assert "bad key Bearer ***" in str(raised.value)
    assert "sk-secret" not in str(raised.value)


def test_answers_that_came_before_the_failure_are_yielded_first():
    arrived = threading.Barrier(2)

    def behave(handler, _, body):
        arrived.wait(20)
        if "Question: 0" in body["prompt"]:
            handler.answer(b"no", 403)
        else:
            time.sleep(0.2)  # it is answered after the other one was refused
            handler.answer(completion(body))

    came = []
    with serving(behave) as server, pytest.raises(ModelError):
        came.extend(iter(endpoint(server, concurrency=2).generate(prompts(2))))
    assert [one.index for one in came] == [1]


def test_after_a_failure_nothing_more_is_begun():
    with serving(lambda handler, *_: handler.answer(b"no", 400)) as server:
        with pytest.raises(ModelError):
            ask(endpoint(server, concurrency=2), 50)
        assert len(server.seen) <= 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base_url": "127.0.0.1:8000"}, "base_url"),
        ({"base_url": "http://me:secret@host/v1"}, "no password"),
        ({"samples": 4}, "4 greedy answers"),
        ({"api_key_env": "sk-1234"}, "never the key"),
        ({"api_key_env": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
        ({"extra": {"n": 3}}, r"extra\.n"),
        ({"concurrency": 0}, "concurrency: must be at least 1"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"top_p": 0}, "top_p"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_before_anything_is_asked(options, said):
    with pytest.raises(ConfigError, match=said) as raised:
        Endpoint(**{"base_url": "http://127.0.0.1:9/v1", "model": "m", **options})
    assert "sk-1234" not in str(raised.value)


def test_without_a_tokeniser_nothing_counts_tokens_and_the_manifest_says_so():
    generator = Endpoint("http://127.0.0.1:9/v1", "m")
    assert generator.count_tokens is None
    assert generator.manifest["prompts"] == "not counted, so not shortened"
    assert generator.chat is None
    assert Endpoint("http://127.0.0.1:9/v1", "m", api="chat").chat("text") == "text"


METRICS = ["valid_sql", "execution_accuracy"]


def config(server, **options):
    port = server if isinstance(server, int) else server.server_address[1]
    generator = {"name": "endpoint", "base_url": f"http://127.0.0.1:{port}/v1", "model": "m", "retries": 1, **options}
    return build(EvalConfig, {"data": {"path": "mini"}, "generator": generator, "metrics": {"names": METRICS}}, "test")


def evaluate(wanted, folder, **place):
    return evaluate_config(wanted, Place(folder=folder, limit=QUESTIONS, **place))


def read(folder):
    """Return the records by question, without what a clock says."""
    plain = (store.record_to_json(one) for one in store.read_records(folder))
    return {
        one["question_id"]: {key: value for key, value in one.items() if key not in ("latency_s", "elapsed_s")}
        for one in plain
    }


SAMPLED = {"samples": 3, "temperature": 0.8}


@pytest.mark.parametrize("options", [{}, SAMPLED, {"cache": "answers", **SAMPLED}, {"repair": 1}])
@pytest.mark.parametrize("answers", [0, 5, 17])
def test_a_server_that_dies_ends_the_run_and_resuming_gives_the_records_of_an_undisturbed_one(
    answers, options, tmp_path
):
    options = {**options, **({"cache": str(tmp_path / "answers")} if "cache" in options else {})}

    def die(handler, number, body):
        well(handler, number, body) if number < answers else hang_up(handler, body)

    with serving(well) as server:
        whole = evaluate(config(server, **{**options, "cache": ""}), tmp_path / "whole")
        server.seen.clear()
        server.behave = die
        if answers >= QUESTIONS and "samples" not in options:
            assert evaluate(config(server, **options), tmp_path / "cut").complete
        else:
            with pytest.raises(RunError, match=r"after 2 tries; what was finished is kept"):
                evaluate(config(server, **options), tmp_path / "cut")
            survivors = read(tmp_path / "cut")
            # The server may die over up to `concurrency` questions, of which some samples had come.
            assert len(survivors) >= answers // options.get("samples", 1) - 8
            if "samples" not in options:
                assert len(survivors) == answers
            server.behave = well
            evaluate(config(server, **options), tmp_path / "cut", resume=True)
            assert survivors.items() <= read(tmp_path / "cut").items()
    assert read(tmp_path / "cut") == read(tmp_path / "whole")
    summary = store.load(tmp_path / "cut").summary
    assert summary["metrics"] == whole.summary["metrics"]
    assert summary.get("samples") == whole.summary.get("samples")


def test_a_cache_keeps_the_samples_of_questions_that_were_not_finished(tmp_path):
    with serving(well) as server:
        server.behave = lambda handler, number, body: (
            well(handler, number, body) if number < 5 else hang_up(handler, body)
        )
        wanted = config(server, cache=str(tmp_path / "cache"), concurrency=1, **SAMPLED)
        with pytest.raises(RunError):
            evaluate(wanted, tmp_path / "run")
        server.behave = well
        server.seen.clear()
        run = evaluate(wanted, tmp_path / "run", resume=True)
        assert len(server.seen) == 3 * (QUESTIONS - 1)
        again = evaluate(wanted, tmp_path / "again")
        assert len(server.seen) == 3 * (QUESTIONS - 1)
    assert read(run.path) == read(again.path)
    assert again.summary["usage"] == {"cache_hits": QUESTIONS, "cache_misses": 0}


def test_a_run_goes_on_with_more_patience_and_from_another_cache(tmp_path):
    with serving(lambda handler, number, body: hang_up(handler, body)) as server:
        with pytest.raises(RunError):
            evaluate(config(server, retries=0), tmp_path / "run")
        server.behave = well
        patient = config(server, retries=2, timeout_s=60.0, concurrency=2, cache=str(tmp_path / "cache"))
        assert evaluate(patient, tmp_path / "run", resume=True).complete


@pytest.mark.parametrize("kill_at", [1, 6, 20])
def test_the_program_killed_while_it_asks_and_resumed_writes_what_an_undisturbed_one_writes(kill_at, tmp_path):
    reached = threading.Event()

    def behave(handler, number, body):
        if number >= kill_at:
            reached.set()
        time.sleep(0.02)
        well(handler, number, body)

    with serving(behave) as server:
        port = server.server_address[1]
        lines = [
            "[data]",
            'path = "mini"',
            "[generator]",
            'name = "endpoint"',
            f'base_url = "http://127.0.0.1:{port}/v1"',
        ]
        lines += [
            'model = "m"',
            "samples = 3",
            "temperature = 0.8",
            "concurrency = 2",
            "[metrics]",
            f"names = {METRICS}",
        ]
        (tmp_path / "eval.toml").write_text("\n".join(lines))

        def start(out, *more):
            command = [
                sys.executable,
                "-m",
                "harness.cli",
                "eval",
                "eval.toml",
                "--limit",
                str(QUESTIONS),
                "--out",
                out,
            ]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            return subprocess.Popen(
                [*command, *more], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )

        process = start("killed")
        assert reached.wait(60), process.communicate(timeout=60)[1].decode()
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        for out, more in (("killed", ["--resume"]), ("whole", [])):
            process = start(out, *more)
            errors = process.communicate(timeout=120)[1].decode()
            assert process.returncode == 0, errors
    assert read(tmp_path / "killed") == read(tmp_path / "whole")
    assert len(read(tmp_path / "whole")) == QUESTIONS


def test_a_vote_is_named_in_the_manifest_and_sample_0_stands_beside_it_in_the_summary(tmp_path):
    dataset = load("mini", "dev", limit=QUESTIONS)
    golds = {one.question: one.gold_sql for one in dataset.examples}

    def behave(handler, _, body):
        question = body["prompt"].rpartition("-- Question: ")[2].partition("\n")[0]
        handler.answer(completion(body, golds[question] if body["seed"] else "SELECT 'never right'"))

    with serving(behave) as server:
        run = evaluate(config(server, **SAMPLED), tmp_path / "run")
    assert run.manifest["generator"]["decoding"] == "vote of 3"
    assert run.manifest["generator"]["sampling"] == "sampled: temperature 0.8, top_p 1, seed 0"
    samples = run.summary["samples"]
    assert run.summary["metrics"]["execution_accuracy"]["value"] == 1.0
    assert samples["first"]["execution_accuracy"]["value"] == 0.0
    assert {k: rate["value"] for k, rate in samples["majority_at"].items()} == {"1": 0.0, "2": 0.0, "3": 1.0}
    assert samples["pass_at"]["1"]["value"] == pytest.approx(2 / 3)
    assert (samples["vote_against_first"]["wins"], samples["vote_against_first"]["losses"]) == (QUESTIONS, 0)
