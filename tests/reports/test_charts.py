import re
from xml.etree import ElementTree as ET

import pytest

from reports.charts import bars, line_chart, stack, whisker
from reports.eda import Distribution
from reports.training import Curve, Series


def numbers(svg, tag, attribute):
    return [float(element.get(attribute)) for element in ET.fromstring(svg).iter(tag) if element.get(attribute)]


def test_a_whisker_places_mean_and_interval_on_one_axis_and_says_them():
    svg = whisker(0.5, 0.25, 0.75)
    left, right = numbers(svg, "line", "x1")[0], numbers(svg, "line", "x2")[0]
    interval, mean = ET.fromstring(svg).findall("rect")
    assert float(interval.get("x")) == pytest.approx(left + (right - left) / 4, abs=0.1)
    assert float(interval.get("width")) == pytest.approx((right - left) / 2, abs=0.2)
    assert float(mean.get("x")) + 1 == pytest.approx((left + right) / 2, abs=0.1)
    assert "50.00\N{NO-BREAK SPACE}%, 95 % interval 25.00\N{NO-BREAK SPACE}% to" in svg


def test_there_is_no_whisker_without_an_interval():
    assert whisker(1.2, None, None) == ""


def test_a_stack_fills_its_width_in_proportion():
    svg = stack({"ok": 3, "error": 1})
    assert numbers(svg, "rect", "width") == [75.0, 25.0]
    assert ET.fromstring(svg).get("aria-label") == "3 ok, 1 error"
    assert ET.fromstring(stack({})) is not None


def test_a_line_chart_keeps_its_points_inside_and_begins_at_zero():
    svg = line_chart(Curve("Loss", "", (Series("training", ((1, 0.4), (50, 0.1))), Series("validation", ((50, 0.2),)))))
    root = ET.fromstring(svg)
    assert [text.text for text in root.iter("text")][:5] == ["0", "0.1", "0.2", "0.3", "0.4"]
    for line in root.iter("polyline"):
        for x, y in re.findall(r"([\d.]+),([\d.]+)", line.get("points")):
            assert 0 <= float(x) <= 360
            assert 0 <= float(y) <= 220
    assert "training ends at 0.1, validation ends at 0.2" in root.get("aria-label")


@pytest.mark.parametrize("value", [0.0, 1e-6, 1.0, 12345.0])
def test_a_line_chart_of_any_size_has_round_ticks_that_cover_it(value):
    root = ET.fromstring(line_chart(Curve("x", "", (Series("x", ((0, value),)),))))
    assert 2 <= len(list(root.iter("line"))) <= 6
    assert float(root.find("circle").get("cy")) >= 9


def test_bars_show_a_row_for_each_label_and_a_colour_for_each_column():
    svg = bars(Distribution("Length", ("all", "sample"), (("short", (0.2, 0.1)), ("long", (0.8, 0.9)))))
    assert len(ET.fromstring(svg).findall("rect")) == 4
    assert "20.0 %" in svg
    assert "Length, all and sample: short 20.0 % and 10.0 %; long" in svg


def test_names_in_pictures_are_escaped():
    evil = '"><script>x</script>'
    pictures = [
        stack({evil: 1}),
        bars(Distribution(evil, (evil,), ((evil, (1.0,)),))),
        line_chart(Curve(evil, "", (Series(evil, ((1, 1),)),))),
    ]
    for picture in pictures:
        assert "<script" not in picture
        ET.fromstring(picture)
