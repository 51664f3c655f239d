"""Steps between the library and an attempt, over a core without a database."""

from __future__ import annotations

from .children import Play


def test_an_attempt_can_be_answered_once(play: Play) -> None:
    seen = play("attempts")
    assert (seen["accepted"], seen["twice"], seen["heartbeat_late"]) == (True, False, False)
    assert (seen["heartbeat"], seen["released"], seen["released_twice"]) == (True, True, False)
    assert (seen["checkpoint"], seen["checkpoint_twice"], seen["resumed"]) == (True, False, {"page": 3})


def test_a_result_that_is_refused_leaves_the_step_to_a_failure_that_says_so(play: Play) -> None:
    seen = play("attempts")
    assert seen["refused"]["details"]["key"] == "success"
    assert seen["not_json"] is True
    assert seen["nul"] is True
    assert seen["counts"] == {"made": 5, "succeeded": 2, "failed": 2, "released": 1, "checkpoints": 1}


def test_a_step_that_is_taken_away_tells_its_handler(play: Play) -> None:
    assert play("cancelled") == {
        "same": True,
        "reason": "cancelled",
        "heartbeat": False,
        "raised": "StepCancelledError",
        "cancelled": True,
        "called": True,
        "accepted": False,
    }


def test_a_step_whose_cancellation_overtakes_it_begins_cancelled(play: Play) -> None:
    assert play("cancelled_early") == {"idle": True, "ran": ["timeout"]}


def test_a_result_that_comes_after_the_timeout_is_dropped_and_counted(play: Play) -> None:
    assert play("timed_out") == {"reason": "timeout", "accepted": False, "late": 1}


def test_no_result_is_lost_while_the_core_has_no_room(play: Play) -> None:
    seen = play("busy")
    assert seen["held"] >= 1
    assert seen["impatient"] == -20
    assert seen["done"] == [True] * 29
    assert seen["patient"] is True


def test_stopping_waits_for_steps_and_ends_all_polls(play: Play) -> None:
    seen = play("stopping")
    assert (seen["early"], seen["stopped"], seen["completed"], seen["closed"]) == (False, True, 1, True)
    assert seen["first"] == [0], "the waiting poll got the notice that there is nothing more"
    assert seen["woken"] == [1], "a wake ends one poll, as a timeout"
    assert sorted(seen["freed"]) == [1, 2, 2]
    assert seen["took"] < 10, "the polls wait for 20 s"
    assert seen["live"] == 0


def test_workers_come_and_go_without_leaving_anything_behind(play: Play) -> None:
    seen = play("restarts", 900)
    (rss_before, fds_before, threads_before), (rss_after, fds_after, threads_after) = seen["before"], seen["after"]
    assert rss_after - rss_before < 1_500, "kB over 450 of them"
    assert fds_after <= fds_before
    assert threads_after <= threads_before + 3, "the Go runtime may add threads of its own"
    assert seen["live"] == 0


def test_memory_stays_flat_over_many_round_trips(play: Play) -> None:
    seen = play("round_trips", 100_000)
    print(f"{seen['rate']} steps/s, RSS {seen['rss_kb']} kB")
    early, late = seen["rss_kb"]
    assert late - early < 2_000, "kB over 75 000 round trips"
    assert seen["live"] == 0


def test_a_step_is_polled_long_before_a_sleeping_poller_would(play: Play) -> None:
    seen = play("latency", 300)
    print(f"from made to polled and read: p50 {seen['p50_us']:.0f} us, p99 {seen['p99_us']:.0f} us")
    assert seen["p50_us"] < 5_000 / 4, "a poller that sleeps 10 ms takes 5 ms"
