// Bar charts over time, drawn by uPlot in the page's colours.
//
// A chart shows the same numbers as the table below it. If the library fails to load, the page shows the tables only.

import { formatCompact, formatCount, formatInterval, formatMoney, formatTick } from '/reports/format.js';
import { daysToSeconds, secondsToDays } from '/reports/period.js';

const HEIGHT_PX = 230;
const PRINT_WIDTH_PX = 660;
const DAYS_OF_WEEK = 7;
const AXIS_STEPS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1e3, 2e3, 2.5e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8, 1e9];

const library = import('/reports/uplot.js').then((module) => module.default, () => null);
const charts = new Map(); // container → chart

const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const resizeObserver = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    if (contentRect.width) charts.get(target)?.setSize({ width: contentRect.width, height: HEIGHT_PX });
  }
});

/** Draws `rows` into `container`; returns false if the library is missing. */
export const drawChart = async (container, { columns, rows, chart: colors, isStacked }) => {
  const Plot = await library;
  if (!Plot) return false;
  const times = rows.map(([firstDay]) => daysToSeconds(firstDay));
  const values = colors.map((_, at) => rows.map((row) => row[at + 1]));
  // Each stacked series includes those after it, because the first series is drawn behind the others.
  const heights = isStacked ? values.map((_, at) => rows.map((_, row) => values.slice(at).reduce((sum, series) => sum + series[row], 0))) : values;
  removeChart(container);
  const chart = new Plot(options(Plot, container, columns, colors, values), [times, ...heights], container);
  charts.set(container, chart);
  updateLegend(chart);
  resizeObserver.observe(container);
  return true;
};

export const removeChart = (container) => {
  resizeObserver.unobserve(container);
  charts.get(container)?.destroy();
  charts.delete(container);
};

/** The legend shows the bar under the pointer, else the last one. */
const updateLegend = (chart) => chart.cursor.idx ?? chart.setLegend({ idx: chart.data[0].length - 1 }, false);

const formatValue = (column, value) => {
  if (value === null || value === undefined) return '–';
  return column.kind === 'money' ? formatMoney(value, column.currency) : formatCount(value);
};

/** Ticks below the bars of weeks: the chart's own ticks are any days that are weeks apart. */
const weekTicks = ({ data }, _, __, ___, step) => {
  const weeks = Math.max(1, Math.ceil(secondsToDays(step) / DAYS_OF_WEEK));
  return data[0].filter((_, at) => at % weeks === 0);
};

const options = (Plot, container, [timeColumn, ...valueColumns], colors, values) => {
  const bars = Plot.paths.bars({ size: [0.72, 54] });
  const series = colors.map((color, at) => ({
    label: valueColumns[at].title,
    fill: () => cssColor(color),
    stroke: () => cssColor(color),
    width: 0,
    paths: bars,
    points: { show: false },
    value: (_, __, ___, index) => formatValue(valueColumns[at], index === null ? null : values[at][index]),
  }));
  const axis = { stroke: () => cssColor('--soft'), font: '12px system-ui, sans-serif', ticks: { show: false } };
  const halfBar = (low, high, { data }) => (data[0].length > 1 ? (high - low) / (data[0].length - 1) / 2 : daysToSeconds(1) / 2);
  const isWeekly = timeColumn.length === 'week';
  const timeTicks = (_, seconds, __, ___, step) => seconds.map((second) => formatTick(secondsToDays(second), isWeekly ? DAYS_OF_WEEK : secondsToDays(step)));
  const timeSeries = { label: timeColumn.title, value: (_, seconds) => (seconds === null ? '–' : formatInterval(secondsToDays(seconds), timeColumn.length)) };
  return {
    width: container.clientWidth || PRINT_WIDTH_PX,
    height: HEIGHT_PX,
    tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
    hooks: { setCursor: [updateLegend] },
    cursor: { drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { range: (plot, low, high) => [low - halfBar(low, high, plot), high + halfBar(low, high, plot)] },
      y: { range: (_, __, high) => [0, high > 0 ? high * 1.06 : 1] },
    },
    axes: [
      { ...axis, size: 30, grid: { show: false }, space: 76, values: timeTicks, ...(isWeekly && { splits: weekTicks }) },
      { ...axis, size: 58, grid: { stroke: () => cssColor('--line'), width: 1 }, incrs: AXIS_STEPS, values: (_, numbers) => numbers.map(formatCompact) },
    ],
    series: [timeSeries, ...series],
  };
};

const redraw = () =>
  charts.forEach((chart) => {
    chart.root.querySelectorAll('.u-marker').forEach((marker, at) => {
      if (at > 0) marker.style.background = marker.style.borderColor = chart.series[at].fill();
    });
    chart.redraw(false);
  });
const setPrinting = (isPrinting) => {
  document.documentElement.classList.toggle('printing', isPrinting);
  charts.forEach((chart, container) => chart.setSize({ width: isPrinting ? PRINT_WIDTH_PX : container.clientWidth, height: HEIGHT_PX }));
  redraw();
};

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
addEventListener('beforeprint', () => setPrinting(true));
addEventListener('afterprint', () => setPrinting(false));
