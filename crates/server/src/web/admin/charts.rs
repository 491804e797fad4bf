//! The figures as charts: drawn here, so that they need no script, each with its numbers in a table.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::super::format::{bytes, count, time};
use super::super::i18n::Text;
use crate::figures::{Sample, Span};

/// The size of a drawing in its own units.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 100;
/// A little beside much is still seen.
const LEAST: u64 = 2;
/// Rows of a table.
const ROWS: usize = 12;

/// A chart with one line or a few.
pub struct Chart {
    pub title: &'static str,
    /// Whether there is nothing to draw.
    pub is_empty: bool,
    /// The highest value, which stands at the top of the drawing, and when it was first reached; none if all is zero.
    pub top: String,
    pub peak: Option<Moment>,
    /// Where it begins and ends.
    pub from: Moment,
    pub until: Moment,
    /// The chart in a sentence.
    pub summary: String,
    pub lines: Vec<Line>,
    pub rows: Vec<Row>,
}

/// A time, for people in UTC and for the script that shows the reader's clock.
pub struct Moment {
    pub text: String,
    pub iso: String,
}

pub struct Line {
    pub label: &'static str,
    /// The way it is drawn: `a`, `b` or `c` beside each other, `d` for failures, `e` for refusals.
    pub style: char,
    pub now: String,
    /// Of the drawing; broken where nothing is known.
    pub path: String,
    /// Points with nothing known on either side: dots.
    pub lone: String,
}

pub struct Row {
    pub at: Moment,
    pub values: Vec<String>,
}

/// Whether a number is shown as it is, or by how much it grew.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Growth,
    State,
}

#[derive(Clone, Copy)]
enum Unit {
    Count,
    Bytes,
}

/// What a chart is made of.
struct Plan {
    title: &'static str,
    kind: Kind,
    unit: Unit,
    /// The style of the first line; those after it follow the alphabet.
    style: char,
    /// Whether values hold until the next one, rather than lead to it.
    is_stepped: bool,
    lines: Vec<Measure>,
}

impl Plan {
    fn new(title: &'static str, kind: Kind, unit: Unit, lines: Vec<Measure>) -> Self {
        Self { title, kind, unit, style: 'a', is_stepped: false, lines }
    }
}

struct Measure {
    label: &'static str,
    value: fn(&Sample) -> u64,
}

fn line(label: &'static str, value: fn(&Sample) -> u64) -> Measure {
    Measure { label, value }
}

/// What people and programs do, by the step that a point stands for.
fn traffic(t: Text, span: Span) -> Vec<Plan> {
    let per = |minute, quarter| match span {
        Span::Hour => minute,
        Span::Day => quarter,
    };
    let growth = |title, unit, lines| Plan::new(title, Kind::Growth, unit, lines);
    let events =
        vec![line(t.charts_events(), |it| it.events), line(t.charts_commits(), |it| it.commits)];
    let requests = vec![
        line(t.charts_methods(), |it| it.methods),
        line(t.charts_proxied(), |it| it.proxied),
        line(t.charts_others(), |it| it.others),
    ];
    let refused = vec![line(t.charts_client_errors(), |it| it.client_errors)];
    let failed = vec![line(t.charts_server_errors(), |it| it.server_errors)];
    let counted = |style, title, lines| Plan { style, ..growth(title, Unit::Count, lines) };
    let sign_ins = vec![
        line(t.charts_sign_ins(), |it| it.sign_ins),
        line(t.charts_wrong_passwords(), |it| it.wrong_passwords),
    ];
    let uploads = vec![line(t.charts_uploads(), |it| it.upload_bytes)];
    vec![
        growth(per(t.charts_events_minute(), t.charts_events_quarter()), Unit::Count, events),
        growth(per(t.charts_requests_minute(), t.charts_requests_quarter()), Unit::Count, requests),
        counted('e', per(t.charts_refused_minute(), t.charts_refused_quarter()), refused),
        counted('d', per(t.charts_failed_minute(), t.charts_failed_quarter()), failed),
        growth(per(t.charts_sign_ins_minute(), t.charts_sign_ins_quarter()), Unit::Count, sign_ins),
        growth(per(t.charts_uploads_minute(), t.charts_uploads_quarter()), Unit::Bytes, uploads),
    ]
}

/// What the server has and takes.
fn machine(t: Text) -> Vec<Plan> {
    let state = |title, unit, lines| Plan::new(title, Kind::State, unit, lines);
    let subscribers = vec![line(t.charts_subscribers(), |it| it.subscribers)];
    let memory = vec![line(t.charts_memory(), |it| it.memory_bytes)];
    let database = vec![
        line(t.charts_database_file(), |it| it.database_bytes),
        line(t.charts_log_file(), |it| it.log_bytes),
    ];
    let free = vec![line(t.charts_free(), |it| it.free_bytes)];
    vec![
        Plan { is_stepped: true, ..state(t.charts_subscribers(), Unit::Count, subscribers) },
        state(t.charts_memory(), Unit::Bytes, memory),
        state(t.charts_database(), Unit::Bytes, database),
        state(t.charts_free(), Unit::Bytes, free),
    ]
}

/// Charts of a span that ends with the newest sample; the oldest comes first.
pub fn charts(t: Text, span: Span, samples: &[Sample]) -> Vec<Chart> {
    let plans = traffic(t, span).into_iter().chain(machine(t));
    plans.map(|plan| chart(t, span, &plan, samples)).collect()
}

/// When the points of a chart are. They stand on whole minutes or quarter hours, so that a chart keeps its shape while time goes
/// on: what was counted is shown up to the last step that is over, states up to the one that runs.
#[derive(Clone, Copy)]
struct Steps {
    length: i64,
    count: i64,
    /// When the last one ends.
    end: i64,
}

impl Steps {
    fn new(span: Span, kind: Kind, now: i64) -> Self {
        let length = span.step();
        let end = match kind {
            Kind::Growth => now,
            Kind::State => now.saturating_add(length - 1),
        };
        let end = end.div_euclid(length) * length;
        Self { length, count: span.seconds() / length, end }
    }

    /// Start and end of the step that is so many before the last.
    fn at(self, back: i64) -> (i64, i64) {
        let end = self.end - back * self.length;
        (end - self.length, end)
    }
}

fn chart(t: Text, span: Span, plan: &Plan, samples: &[Sample]) -> Chart {
    let now = samples.last().map_or(0, |sample| sample.at);
    let steps = Steps::new(span, plan.kind, now);
    let series: Vec<Vec<Option<u64>>> =
        plan.lines.iter().map(|line| points(steps, plan.kind, line.value, samples)).collect();
    let show = |value: u64| match plan.unit {
        Unit::Count => count(t, value),
        Unit::Bytes => bytes(t, value),
    };
    let max = series.iter().flatten().flatten().copied().max();
    let lines: Vec<Line> = plan
        .lines
        .iter()
        .zip(&series)
        .zip(plan.style..)
        .map(|((line, points), style)| {
            let (path, lone) = drawing(points, max.unwrap_or(0), plan.is_stepped);
            let now = points.last().copied().flatten().map(show).unwrap_or_default();
            Line { label: line.label, style, now, path, lone }
        })
        .collect();
    let lately: Vec<String> =
        lines.iter().map(|line| format!("{} {}", line.label, line.now)).collect();
    let top = show(max.unwrap_or(0));
    let (_, first) = steps.at(steps.count - 1);
    Chart {
        title: plan.title,
        summary: t.charts_summary(plan.title, lately.join(", "), &top),
        top,
        is_empty: max.is_none(),
        peak: max
            .filter(|max| *max > 0)
            .and_then(|max| peak(steps, &series, max))
            .map(|at| Moment::new(at.min(now))),
        from: begin(span, first),
        until: Moment::new(steps.end.min(now)),
        rows: rows(steps, &series, now, show),
        lines,
    }
}

/// When the highest value was first reached.
fn peak(steps: Steps, series: &[Vec<Option<u64>>], max: u64) -> Option<i64> {
    let first = |points: &Vec<Option<u64>>| points.iter().position(|value| *value == Some(max));
    let number = i64::try_from(series.iter().filter_map(first).min()?).ok()?;
    Some(steps.at(steps.count - 1 - number).1)
}

/// The value of each step; none where nothing is known, or not from its beginning.
fn points(
    steps: Steps,
    kind: Kind,
    value: fn(&Sample) -> u64,
    samples: &[Sample],
) -> Vec<Option<u64>> {
    let until = |at: i64| {
        let end = samples.partition_point(|sample| sample.at <= at);
        samples.get(end.checked_sub(1)?)
    };
    let point = |back: i64| {
        let (start, end) = steps.at(back);
        let last = until(end)?;
        match kind {
            Kind::State => (last.at > start).then(|| value(last)),
            Kind::Growth => Some(value(last).saturating_sub(value(until(start)?))),
        }
    };
    (0..steps.count).rev().map(point).collect()
}

/// The line through the points, and those that stand alone, as SVG writes paths.
fn drawing(points: &[Option<u64>], max: u64, is_stepped: bool) -> (String, String) {
    let last = u64::try_from(points.len().saturating_sub(1)).unwrap_or(0).max(1);
    let (mut line, mut lone) = (String::new(), String::new());
    let mut number = 0;
    for run in points.split(Option::is_none) {
        for (step, value) in (0_u64..).zip(run.iter().flatten()) {
            let x = (number + step) * WIDTH / last;
            let height = u128::from(*value) * u128::from(HEIGHT) / u128::from(max.max(1));
            let height = u64::try_from(height).unwrap_or(HEIGHT).min(HEIGHT);
            let y = HEIGHT - if *value == 0 { 0 } else { height.max(LEAST) };
            // Writing into a string never fails. A dot is a line of no length with round ends.
            let _ = match (run.len(), step) {
                (1, _) => write!(lone, "M{x} {y}h0"),
                (_, 0) => write!(line, "M{x} {y}"),
                _ if is_stepped => write!(line, "H{x}V{y}"),
                _ => write!(line, "L{x} {y}"),
            };
        }
        number += u64::try_from(run.len()).unwrap_or(0) + 1;
    }
    (line, lone)
}

/// The numbers of a few moments, the newest first.
fn rows(
    steps: Steps,
    series: &[Vec<Option<u64>>],
    now: i64,
    show: impl Fn(u64) -> String,
) -> Vec<Row> {
    let count = series.first().map_or(0, Vec::len);
    let every = (count / ROWS).max(1);
    let row = |back: usize| {
        let (_, at) = steps.at(i64::try_from(back).unwrap_or(0));
        let value = |points: &Vec<Option<u64>>| {
            let number = count.checked_sub(back + 1)?;
            points.get(number).copied().flatten()
        };
        let values: Vec<Option<u64>> = series.iter().map(value).collect();
        values.iter().any(Option::is_some).then(|| Row {
            at: Moment::new(at.min(now)),
            values: values.into_iter().map(|it| it.map(&show).unwrap_or_default()).collect(),
        })
    };
    (0..count).step_by(every).filter_map(row).collect()
}

impl Moment {
    fn new(seconds: i64) -> Self {
        Self::said(seconds, |at| at.strftime("%H:%M UTC").to_string())
    }

    fn said(seconds: i64, text: impl Fn(Timestamp) -> String) -> Self {
        let at = Timestamp::from_second(seconds).unwrap_or_default();
        Self { text: text(at), iso: at.to_string() }
    }
}

/// Where a chart begins: on another day, it says which.
fn begin(span: Span, seconds: i64) -> Moment {
    match span {
        Span::Hour => Moment::new(seconds),
        Span::Day => Moment::said(seconds, time),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::i18n::Language;
    use super::*;

    fn sample(at: i64, events: u64, subscribers: u64) -> Sample {
        Sample { at, events, subscribers, ..Sample::default() }
    }

    #[test]
    fn growth_is_counted_by_whole_steps_and_states_are_shown_as_they_were() {
        // Counting begins within a minute, which is left out.
        let samples =
            [sample(3_450, 5, 1), sample(3_480, 6, 3), sample(3_540, 9, 2), sample(3_610, 19, 7)];
        let of = |kind, value| points(Steps::new(Span::Hour, kind, 3_610), kind, value, &samples);
        let events = of(Kind::Growth, |it| it.events);
        assert_eq!(events.len(), 60);
        assert_eq!(events[57..], [None, Some(3), Some(0)]);
        let subscribers = of(Kind::State, |it| it.subscribers);
        assert_eq!(subscribers[56..], [Some(3), Some(2), None, Some(7)]);
        let none = points(Steps::new(Span::Day, Kind::State, 0), Kind::State, |it| it.events, &[]);
        assert!(none.iter().all(Option::is_none));
    }

    #[test]
    fn what_was_counted_keeps_its_shape_within_a_step() {
        let minutes: Vec<Sample> =
            (0..90_u32).map(|n| sample(i64::from(n) * 60, u64::from(n * n), 0)).collect();
        let drawn = |seconds: i64| {
            let mut samples = minutes.clone();
            samples.push(sample(5_340 + seconds, 9_000, 0));
            let steps = Steps::new(Span::Hour, Kind::Growth, 5_340 + seconds);
            points(steps, Kind::Growth, |it| it.events, &samples)
        };
        assert_eq!(drawn(10), drawn(50));
        assert_eq!(drawn(10)[1..], drawn(70)[..59]);
    }

    #[test]
    fn lines_break_where_nothing_is_known_and_lone_points_are_dots() {
        let drawn = |points: &[Option<u64>], max| drawing(points, max, false);
        let (line, lone) = drawn(&[Some(0), Some(10), None, Some(5)], 10);
        assert_eq!((line.as_str(), lone.as_str()), ("M0 100L200 0", "M600 50h0"));
        let (line, lone) = drawn(&[None, Some(1), None, None, Some(2), Some(2), None], 2);
        assert_eq!((line.as_str(), lone.as_str()), ("M400 0L500 0", "M100 50h0"));
        assert_eq!(drawn(&[Some(0)], 0).1, "M0 100h0");
        assert_eq!(drawn(&[Some(u64::MAX), None], u64::MAX).1, "M0 0h0");
        assert_eq!(drawn(&[None, None], 5), (String::new(), String::new()));
        assert_eq!(drawn(&[Some(1), Some(1_000)], 1_000).0, "M0 98L600 0");
        assert_eq!(drawing(&[Some(1), Some(2), Some(2)], 2, true).0, "M0 50H300V0H600V0");
    }

    #[test]
    fn the_peak_is_told_with_its_time() {
        let t = Text::new(Language::En);
        let samples =
            [sample(0, 0, 0), sample(60, 5, 0), sample(120, 1_239, 0), sample(185, 1_240, 0)];
        let chart = &charts(t, Span::Hour, &samples)[0];
        let peak = chart.peak.as_ref().map(|at| (at.text.as_str(), at.iso.as_str()));
        assert_eq!(chart.top, "1,234");
        assert_eq!(peak, Some(("00:02 UTC", "1970-01-01T00:02:00Z")));
        assert!(charts(t, Span::Hour, &samples[..1])[0].is_empty);
    }

    #[test]
    fn every_chart_has_its_numbers_in_words_and_in_a_table() {
        let t = Text::new(Language::En);
        let samples = [sample(3_540, 9, 2), sample(3_600, 19, 7)];
        for chart in charts(t, Span::Hour, &samples) {
            assert!(chart.lines.len() <= 3, "{}", chart.title);
            assert!(
                !chart.rows.is_empty() && chart.summary.contains(chart.title),
                "{}",
                chart.title
            );
        }
    }
}
