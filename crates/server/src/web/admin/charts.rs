//! The figures as charts: drawn here, so that they need no script, each with its numbers in a table.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::super::format::{bytes, time};
use super::super::i18n::Text;
use crate::figures::{Sample, Span};

/// The size of a drawing in its own units.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 100;
/// Rows of a table.
const ROWS: usize = 12;

/// A chart with one line or a few.
pub struct Chart {
    pub title: &'static str,
    /// What stands at the top of the drawing.
    pub top: String,
    /// Where it begins and ends.
    pub from: String,
    pub until: String,
    /// The chart in a sentence.
    pub summary: String,
    pub lines: Vec<Line>,
    pub rows: Vec<Row>,
}

pub struct Line {
    pub label: &'static str,
    /// The way it is drawn: `a`, `b` or `c`.
    pub style: char,
    pub now: String,
    /// Of the drawing; broken where nothing is known.
    pub path: String,
    /// Points with nothing known on either side: dots.
    pub lone: String,
}

pub struct Row {
    pub at: String,
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
    lines: Vec<Measure>,
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
    let growth = |title, unit, lines| Plan { title, kind: Kind::Growth, unit, lines };
    let events =
        vec![line(t.charts_events(), |it| it.events), line(t.charts_commits(), |it| it.commits)];
    let requests = vec![
        line(t.charts_methods(), |it| it.methods),
        line(t.charts_proxied(), |it| it.proxied),
        line(t.charts_others(), |it| it.others),
    ];
    let errors = vec![
        line(t.charts_client_errors(), |it| it.client_errors),
        line(t.charts_server_errors(), |it| it.server_errors),
    ];
    let sign_ins = vec![
        line(t.charts_sign_ins(), |it| it.sign_ins),
        line(t.charts_wrong_passwords(), |it| it.wrong_passwords),
    ];
    let uploads = vec![line(t.charts_uploads(), |it| it.upload_bytes)];
    vec![
        growth(per(t.charts_events_minute(), t.charts_events_quarter()), Unit::Count, events),
        growth(per(t.charts_requests_minute(), t.charts_requests_quarter()), Unit::Count, requests),
        growth(per(t.charts_errors_minute(), t.charts_errors_quarter()), Unit::Count, errors),
        growth(per(t.charts_sign_ins_minute(), t.charts_sign_ins_quarter()), Unit::Count, sign_ins),
        growth(per(t.charts_uploads_minute(), t.charts_uploads_quarter()), Unit::Bytes, uploads),
    ]
}

/// What the server has and takes.
fn machine(t: Text) -> Vec<Plan> {
    let state = |title, unit, lines| Plan { title, kind: Kind::State, unit, lines };
    let subscribers = vec![line(t.charts_subscribers(), |it| it.subscribers)];
    let memory = vec![line(t.charts_memory(), |it| it.memory_bytes)];
    let database = vec![
        line(t.charts_database_file(), |it| it.database_bytes),
        line(t.charts_log_file(), |it| it.log_bytes),
    ];
    let free = vec![line(t.charts_free(), |it| it.free_bytes)];
    vec![
        state(t.charts_subscribers(), Unit::Count, subscribers),
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

/// How long one point of a line stands for, in seconds.
fn step(span: Span) -> i64 {
    match span {
        Span::Hour => 60,
        Span::Day => 15 * 60,
    }
}

fn chart(t: Text, span: Span, plan: &Plan, samples: &[Sample]) -> Chart {
    let series: Vec<Vec<Option<u64>>> =
        plan.lines.iter().map(|line| points(span, plan.kind, line.value, samples)).collect();
    let show = |value: u64| match plan.unit {
        Unit::Count => value.to_string(),
        Unit::Bytes => bytes(t, value),
    };
    let max = series.iter().flatten().flatten().copied().max().unwrap_or(0);
    let lines: Vec<Line> = plan
        .lines
        .iter()
        .zip(&series)
        .zip('a'..)
        .map(|((line, points), style)| {
            let (path, lone) = drawing(points, max);
            let now = points.last().copied().flatten().map(show).unwrap_or_default();
            Line { label: line.label, style, now, path, lone }
        })
        .collect();
    let until = samples.last().map_or(0, |sample| sample.at);
    let now: Vec<String> =
        lines.iter().map(|line| format!("{} {}", line.label, line.now)).collect();
    Chart {
        title: plan.title,
        top: show(max),
        from: begin(span, until - span.seconds()),
        until: clock(until),
        summary: t.charts_summary(plan.title, now.join(", "), show(max)),
        rows: rows(span, &series, samples, show),
        lines,
    }
}

/// The value of each step up to now; none where nothing is known.
fn points(
    span: Span,
    kind: Kind,
    value: fn(&Sample) -> u64,
    samples: &[Sample],
) -> Vec<Option<u64>> {
    let Some(now) = samples.last().map(|sample| sample.at) else { return Vec::new() };
    let step = step(span);
    let count = span.seconds() / step;
    let until = |at: i64| {
        let end = samples.partition_point(|sample| sample.at <= at);
        samples.get(end.checked_sub(1)?)
    };
    let point = |back: i64| {
        let (start, end) = (now - (back + 1) * step, now - back * step);
        let last = until(end)?;
        match kind {
            Kind::State => (last.at > start).then(|| value(last)),
            // The first step begins with the first sample rather than with itself.
            Kind::Growth => {
                let before = until(start).or(samples.first())?;
                Some(value(last).saturating_sub(value(before)))
            }
        }
    };
    (0..count).rev().map(point).collect()
}

/// The line through the points, and those that stand alone, as SVG writes paths.
fn drawing(points: &[Option<u64>], max: u64) -> (String, String) {
    let last = u64::try_from(points.len().saturating_sub(1)).unwrap_or(0).max(1);
    let (mut line, mut lone) = (String::new(), String::new());
    let mut number = 0;
    for run in points.split(Option::is_none) {
        for (step, value) in (0_u64..).zip(run.iter().flatten()) {
            let x = (number + step) * WIDTH / last;
            let height = u128::from(*value) * u128::from(HEIGHT) / u128::from(max.max(1));
            let y = HEIGHT - u64::try_from(height).unwrap_or(HEIGHT).min(HEIGHT);
            // Writing into a string never fails. A dot is a line of no length with round ends.
            let _ = match (run.len(), step) {
                (1, _) => write!(lone, "M{x} {y}h0"),
                (_, 0) => write!(line, "M{x} {y}"),
                _ => write!(line, "L{x} {y}"),
            };
        }
        number += u64::try_from(run.len()).unwrap_or(0) + 1;
    }
    (line, lone)
}

/// The numbers of a few moments, the newest first.
fn rows(
    span: Span,
    series: &[Vec<Option<u64>>],
    samples: &[Sample],
    show: impl Fn(u64) -> String,
) -> Vec<Row> {
    let count = series.first().map_or(0, Vec::len);
    let now = samples.last().map_or(0, |sample| sample.at);
    let every = (count / ROWS).max(1);
    let row = |back: usize| {
        let at = now - i64::try_from(back).unwrap_or(0) * step(span);
        let value = |points: &Vec<Option<u64>>| {
            let number = count.checked_sub(back + 1)?;
            points.get(number).copied().flatten()
        };
        let values: Vec<Option<u64>> = series.iter().map(value).collect();
        values.iter().any(Option::is_some).then(|| Row {
            at: clock(at),
            values: values.into_iter().map(|it| it.map(&show).unwrap_or_default()).collect(),
        })
    };
    (0..count).step_by(every).filter_map(row).collect()
}

fn clock(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|_| String::new(), |at| at.strftime("%H:%M UTC").to_string())
}

/// Where a chart begins: on another day, it says which.
fn begin(span: Span, seconds: i64) -> String {
    match span {
        Span::Hour => clock(seconds),
        Span::Day => Timestamp::from_second(seconds).map_or_else(|_| String::new(), time),
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
    fn growth_is_counted_by_steps_and_states_are_shown_as_they_were() {
        let samples = [sample(3_480, 5, 1), sample(3_540, 9, 2), sample(3_600, 19, 7)];
        let events = points(Span::Hour, Kind::Growth, |it| it.events, &samples);
        assert_eq!(events.len(), 60);
        assert_eq!(events[56..], [None, Some(0), Some(4), Some(10)]);
        let subscribers = points(Span::Hour, Kind::State, |it| it.subscribers, &samples);
        assert_eq!(subscribers[56..], [None, Some(1), Some(2), Some(7)]);
        assert!(points(Span::Day, Kind::State, |it| it.events, &[]).is_empty());
    }

    #[test]
    fn lines_break_where_nothing_is_known_and_lone_points_are_dots() {
        let drawn = |points: &[Option<u64>], max| drawing(points, max);
        let (line, lone) = drawn(&[Some(0), Some(10), None, Some(5)], 10);
        assert_eq!((line.as_str(), lone.as_str()), ("M0 100L200 0", "M600 50h0"));
        let (line, lone) = drawn(&[None, Some(1), None, None, Some(2), Some(2), None], 2);
        assert_eq!((line.as_str(), lone.as_str()), ("M400 0L500 0", "M100 50h0"));
        assert_eq!(drawn(&[Some(0)], 0).1, "M0 100h0");
        assert_eq!(drawn(&[Some(u64::MAX), None], u64::MAX).1, "M0 0h0");
        assert_eq!(drawn(&[None, None], 5), (String::new(), String::new()));
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
