/** Tables of a report, for the terminal and for docs/benchmarks.md, with the machine on which it was measured. */
import * as Os from "node:os"
import type { Report, Row, Summary } from "./harness.ts"

/** The machine on which a benchmark runs. */
export interface Machine {
  readonly cores: number
  readonly cpu: string
  readonly kernel: string
  readonly node: string
  /** Load average of the minute before the start: near 0 on an idle machine. */
  readonly load: number
}

/** Describes this machine; called before a benchmark starts, because its own load would count. */
export const machine = (): Machine => ({
  cores: Os.availableParallelism(),
  cpu: Os.cpus()[0]?.model ?? "unknown CPU",
  kernel: `${Os.type()} ${Os.release()}`,
  node: process.version,
  load: Math.round(Os.loadavg()[0]! * 10) / 10
})

/** Formats a figure with three significant digits: more have no meaning on a shared machine. */
const formatNumber = (value: number) =>
  value.toLocaleString(
    "en",
    value >= 100 ? { maximumFractionDigits: 0 } : { minimumSignificantDigits: 3, maximumSignificantDigits: 3 }
  )

const formatSummary = ({ max, median, min }: Summary, text: (value: number) => string) =>
  `${text(median)} (${text(min)}..${text(max)})`

const formatRatio = (value: number) => value.toFixed(2)

const header = ["", "ours", "peer", "theirs", "ours / theirs", "bar", ""]

const cells = (row: Row): ReadonlyArray<string> => [
  `${row.measure}, ${row.unit}`,
  formatSummary(row.ours, formatNumber),
  row.peer,
  formatSummary(row.theirs, formatNumber),
  formatSummary(row.ratio, formatRatio),
  row.bar === undefined ? "" : `${row.bar.subject === "figure" ? "ours " : ""}${row.bar.comparator} ${row.bar.value}`,
  row.met === undefined ? "" : row.met ? "met" : "MISSED"
]

type Table = ReadonlyArray<ReadonlyArray<string>>

/** Pads the cells of each column to the same width, and adds a rule of `between` below the header. */
const align = (table: Table, between: string): Table => {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)))
  const [head, ...body] = table.map((line) => line.map((cell, i) => cell.padEnd(widths[i]!)))
  const rule = between === "" ? [] : [widths.map((width) => between.repeat(width))]
  return [head!, ...rule, ...body]
}

/** Returns the table of comparisons; a row omits our figure if the row above shows the same one. */
const comparisonTable = ({ rows }: Report): Table => {
  const body = rows.map((row, i) => {
    const [measure, ours, ...rest] = cells(row)
    return rows[i - 1]?.measure === row.measure ? ["", "", ...rest] : [measure!, ours!, ...rest]
  })
  return [header, ...body]
}

/** Returns the table of all figures: a line per contestant, a column per measure. */
const overviewTable = ({ overview: figures }: Report): Table => {
  const columns: ReadonlyArray<string> = [...new Set(figures.map(({ measure, unit }) => `${measure}, ${unit}`))]
  const lines = [...new Set(figures.map(({ contestant }) => contestant))].map((name) => {
    const own: ReadonlyMap<string, string> = new Map(
      figures.flatMap(({ contestant, figure, measure, unit }) =>
        contestant === name ? [[`${measure}, ${unit}`, formatNumber(figure.median)] as const] : []
      )
    )
    return [name, ...columns.map((column) => own.get(column) ?? "-")]
  })
  return [["", ...columns], ...lines]
}

/** Formats the tables that have lines, one below the other. */
const tables = (report: Report, between: string, text: (line: ReadonlyArray<string>) => string) =>
  [overviewTable(report), comparisonTable(report)]
    .filter((table) => table.length > 1)
    .flatMap((table) => [...align(table, between).map(text), ""])

const summaryLine = (report: Report): string => {
  const barred = report.rows.filter((row) => row.met !== undefined)
  return `Bars met: ${barred.filter((row) => row.met).length} of ${barred.length}.`
}

const conditions = (report: Report, { cores, cpu, kernel, load, node }: Machine): string =>
  `${cores} cores of ${cpu}, ${kernel}, Node ${node}, load ${load} before the start; ` +
  `${report.rounds} round${report.rounds === 1 ? "" : "s"}; medians (min..max)`

/** Formats a report for the terminal. */
export const text = (report: Report, on: Machine): string =>
  [
    `${report.benchmark}: ${conditions(report, on)}`,
    "",
    ...tables(report, "", (line) => line.join("  ").trimEnd()),
    ...report.notes,
    summaryLine(report)
  ].join("\n")

/** Formats a report as a section of docs/benchmarks.md. */
export const markdown = (report: Report, description: string, on: Machine, date: Date): string =>
  [
    `## ${report.benchmark}`,
    "",
    description,
    "",
    ...tables(report, "-", (line) => `| ${line.join(" | ")} |`),
    `${summaryLine(report)} ${report.notes.join(" ")}`.trim(),
    "",
    `${date.toISOString().slice(0, 10)}, ${conditions(report, on)}. Repeat with \`npm run bench ${report.benchmark}\``
  ].join("\n")

const preface = `# Benchmarks

Written by \`npm run bench\`, which runs our programs and their peers in turn on the same machine. Compare the ratios:
absolute figures from a shared machine mean little. A round takes six samples of every contestant and keeps the best,
because other load can only slow a sample down; memory is sampled once. A ratio is computed within each round. The
tables show the medians of the rounds.
`

const sectionMarkers = (name: string) => [`<!-- bench ${name} -->`, `<!-- end of ${name} -->`] as const

/** Replaces one section of the document, or appends it; the other sections are unchanged. */
export const withSection = (document: string, name: string, section: string): string => {
  const [open, close] = sectionMarkers(name)
  const block = `${open}\n${section}\n${close}`
  const from = document.indexOf(open)
  const to = document.indexOf(close, from)
  if (from >= 0 && to >= 0) return document.slice(0, from) + block + document.slice(to + close.length)
  return `${document.trim() === "" ? preface : `${document.trimEnd()}\n`}\n${block}\n`
}
