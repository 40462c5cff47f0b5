"""How often the page of a run at work is written."""

import star.report.at_work as at_work


def test_the_page_takes_no_more_than_a_tenth_of_the_time(tmp_path, monkeypatch):
    now, written = [0.0], []

    def write(folder, pictures):
        written.append(now[0])
        now[0] += 2.0

    monkeypatch.setattr(at_work, "write_report", write)
    page = at_work.WorkingPage(tmp_path, lambda: now[0])
    for _ in range(100):
        page.refresh()
        now[0] += 1.0
    assert written[0] == at_work.FIRST
    assert len(written) > 3
    assert 2.0 * len(written) <= 0.11 * now[0]
