"""What a draft would have changed, as a table that a manager can read."""

from slrt_local.policy_difference import difference

FOUND = {
    "since": "2026-04-02T08:00:00Z",
    "until": "2026-07-01T08:00:00Z",
    "day": "2027-01-01",
    "judged": 6,
    "outside": 12,
    "new_deadlines": ["completed"],
    "not_judged": [{"reason": "facts-not-kept", "count": 1, "says": "the facts that rules ask for were not kept"}],
    "regions": [
        {
            "region": "12.74",
            "routed": 3,
            "routes": [
                {
                    "need": "JALAN",
                    "before": {"office": "12.74.PUPR", "rule": "road-unknown-owner", "after": []},
                    "after": {"office": "12.74.PERKIM", "rule": "road-city", "after": ["ADMINDUK"]},
                    "count": 2,
                    "examples": ["0197c4a0-0000-7000-8000-000000000001", "0197c4a0-0000-7000-8000-000000000002"],
                }
            ],
            "deadlines": [
                {
                    "sla_class": "owner-acceptance",
                    "becomes": "owner-acceptance",
                    "count": 3,
                    "still_open": 1,
                    "moved": 3,
                    "shift_minutes": {"least": -905, "median": -900, "most": 60},
                    "late_before": 0,
                    "late_after": 2,
                },
                {
                    "sla_class": "urgent",
                    "becomes": None,
                    "count": 1,
                    "still_open": 0,
                    "moved": 0,
                    "shift_minutes": None,
                    "late_before": 1,
                    "late_after": 0,
                },
            ],
            "notices": [
                {"effect": "remind", "audience": "owner", "owner": "12.74.PERKIM", "before": 1, "after": 3},
                {"effect": "escalate", "audience": "supervisor", "owner": "12.74.PERKIM", "before": 0, "after": 2},
            ],
            "offices": [
                {
                    "office": "12.74.PERKIM",
                    "referrals_before": 0,
                    "referrals_after": 2,
                    "minutes_before": 0,
                    "minutes_after": 185,
                }
            ],
        }
    ],
}
TABLE = """\
2026-04-02T08:00 to 2026-07-01T08:00 UTC, offices of 2027-01-01: 6 judged, 12 where no draft reaches

12.74: 3 referrals routed again
  need   goes to (rule)                   would have gone to (rule)                 times  such as
  JALAN  12.74.PUPR (road-unknown-owner)  12.74.PERKIM (road-city, after ADMINDUK)  2      0197c4a0-0000-7000-8000-000000000001
  class                  deadlines  moved  least   median  most   late  would be late
  owner-acceptance       3          3      -15:05  -15:00  +1:00  0     2
  urgent -> no deadline  1          0                             1     0
  office        referrals  would have had  hours  would have had
  12.74.PERKIM  0          2               0:00   3:05
  time of       who is told  how       times  would have been
  12.74.PERKIM  owner        remind    1      3
  12.74.PERKIM  supervisor   escalate  0      2

new deadlines, nothing to compare with: completed

not judged
  1  facts-not-kept  the facts that rules ask for were not kept"""  # noqa: E501 — a terminal's


def test_a_difference_is_told_in_tables() -> None:
    assert "\n".join(difference(FOUND)) == TABLE


def test_nothing_that_would_have_changed_is_said_so() -> None:
    nothing = FOUND | {
        "not_judged": [],
        "new_deadlines": [],
        "regions": [{"region": "12.74", "routed": 1, "routes": [], "deadlines": [], "offices": [], "notices": []}],
    }
    assert list(difference(nothing))[1:] == [
        "",
        "12.74: 1 referral routed again",
        "  no need would have gone another way",
    ]
