// Charts of numbers over time, drawn by uPlot in the page's own colours.
//
// A chart shows what the table beside it says and nothing more, so where the library is missing the tables are enough.

import { secondsOf } from '/reports/period.js';
import * as words from '/reports/words.js';

const DAY = 86_400;
const HEIGHT = 230;
const PRINTED_WIDTH = 660;

const library = import('/reports/uplot.js').then((module) => module.default, () => null);
const charts = new Map(); // holder → chart

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Holders that are gone let go of their charts. */
const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    if (contentRect.width) charts.get(target)?.setSize({ width: contentRect.width, height: HEIGHT });
  }
});

/** Draws `rows` into `holder`; says whether it could. */
export const draw = async (holder, { columns, rows, chart, stacked }) => {
  const Plot = await library;
  if (!Plot) return false;
  const times = rows.map(([first]) => secondsOf(first));
  const drawn = columns.slice(1, chart.length + 1);
  const own = drawn.map((_, at) => rows.map((row) => row[at + 1]));
  // What is stacked is drawn tallest first: each series stands for itself and those behind it in the list.
  const tall = own.map((_, at) => (stacked ? rows.map((_, row) => own.slice(at).reduce((sum, series) => sum + series[row], 0)) : own[at]));
  forget(holder);
  const made = new Plot(options(Plot, holder, columns, chart, own), [times, ...tall], holder);
  charts.set(holder, made);
  latest(made);
  sizes.observe(holder);
  return true;
};

export const forget = (holder) => {
  sizes.unobserve(holder);
  charts.get(holder)?.destroy();
  charts.delete(holder);
};

/** The legend tells of the bar that is pointed at, else of the last one. */
const latest = (plot) => plot.cursor.idx ?? plot.setLegend({ idx: plot.data[0].length - 1 }, false);

const options = (Plot, holder, [time, ...rest], chart, own) => {
  const bars = Plot.paths.bars({ size: [0.72, 54] });
  const shown = (column, value) => (value === null || value === undefined ? '–' : column.kind === 'money' ? words.money(value, column.currency) : words.count(value));
  const series = chart.map((name, at) => ({
    label: rest[at].title,
    fill: () => colour(name),
    stroke: () => colour(name),
    width: 0,
    paths: bars,
    points: { show: false },
    value: (_, __, ___, index) => shown(rest[at], index === null ? null : own[at][index]),
  }));
  const axis = { stroke: () => colour('--soft'), font: '12px system-ui, sans-serif', ticks: { show: false } };
  const half = (low, high, { data }) => (data[0].length > 1 ? (high - low) / (data[0].length - 1) / 2 : DAY / 2);
  return {
    width: holder.clientWidth || PRINTED_WIDTH,
    height: HEIGHT,
    tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
    hooks: { setCursor: [latest] },
    cursor: { drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { range: (plot, low, high) => [low - half(low, high, plot), high + half(low, high, plot)] },
      y: { range: (_, __, high) => [0, high > 0 ? high * 1.06 : 1] },
    },
    axes: [
      { ...axis, size: 30, grid: { show: false }, space: 76, values: (_, splits, __, ___, step) => splits.map((seconds) => words.mark(seconds / DAY, step / DAY)) },
      { ...axis, size: 58, grid: { stroke: () => colour('--line'), width: 1 }, incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1e3, 2e3, 2.5e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8, 1e9], values: (_, splits) => splits.map(words.brief) },
    ],
    series: [{ label: time.title, value: (_, seconds) => (seconds === null ? '–' : words.interval(seconds / DAY, time.length)) }, ...series],
  };
};

const redraw = () =>
  charts.forEach((chart) => {
    chart.root.querySelectorAll('.u-marker').forEach((marker, at) => {
      if (at > 0) marker.style.background = marker.style.borderColor = chart.series[at].fill();
    });
    chart.redraw(false);
  });
const printing = (on) => {
  document.documentElement.classList.toggle('printing', on);
  charts.forEach((chart, holder) => chart.setSize({ width: on ? PRINTED_WIDTH : holder.clientWidth, height: HEIGHT }));
  redraw();
};

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
addEventListener('beforeprint', () => printing(true));
addEventListener('afterprint', () => printing(false));
