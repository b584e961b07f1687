/** Options of `capture read`, and the combinations that make no sense. */
import { UsageError } from "../../../common/CliErrors.ts"

/** A stream to follow. */
export interface StreamChoice {
  readonly protocol: "TCP" | "UDP"
  readonly stream: number
}

/** Options of `capture read`. */
export interface Input {
  readonly file: string
  readonly json: boolean
  readonly filter: string | undefined
  readonly count: number | undefined
  readonly decodeAs: ReadonlyArray<string> | undefined
  readonly follow: StreamChoice | undefined
  readonly followRaw: "client" | "server" | undefined
  readonly statistics: boolean
  readonly top: number | undefined
  readonly notes: boolean
  readonly diagram: "text" | "mermaid" | undefined
  readonly svg: string | undefined
  readonly html: string | undefined
  readonly width: number | undefined
}

/** Flags that choose what is printed, each with its test. */
const outputs: ReadonlyArray<readonly [flag: string, isGiven: (input: Input) => boolean]> = [
  ["--follow", ({ follow }) => follow !== undefined],
  ["--statistics", ({ statistics }) => statistics],
  ["--notes", ({ notes }) => notes],
  ["--diagram", ({ diagram }) => diagram !== undefined]
]

/** Options that write something to standard output. */
const writers = ({ html, statistics, svg }: Input) => [statistics, svg === "-", html === "-"].filter(Boolean).length

const conflicts: ReadonlyArray<readonly [isGiven: (input: Input) => boolean, message: string]> = [
  [({ diagram, json }) => json && diagram !== undefined, "--json and --diagram exclude each other: give one of them"],
  [
    ({ follow, followRaw }) => followRaw !== undefined && follow === undefined,
    "--follow-raw needs the stream: add --follow N"
  ],
  [
    ({ followRaw, json }) => followRaw !== undefined && json,
    "--follow-raw and --json exclude each other: raw bytes are not JSON; leave one out"
  ],
  [
    ({ diagram, follow, html, notes, svg }) =>
      (svg ?? html) !== undefined && (follow !== undefined || notes || diagram !== undefined),
    "--svg and --html write the statistics of a capture: give them alone, or with --statistics"
  ],
  [
    ({ json, statistics, top }) => top !== undefined && (json || !statistics),
    "--top shortens the text of --statistics: add --statistics without --json, or leave it out"
  ],
  [
    (input) => writers(input) > 1,
    "--statistics, --svg - and --html - write to standard output: give one of them, or a file"
  ],
  [
    ({ html, json, statistics, svg }) => (svg ?? html) !== undefined && json && !statistics,
    "--json prints nothing with --svg or --html alone: add --statistics, or leave it out"
  ]
]

/** Returns the error of options that exclude each other; undefined if there are none. */
export const findConflict = (input: Input): UsageError | undefined => {
  const given = outputs.filter(([, isGiven]) => isGiven(input)).map(([flag]) => flag)
  if (given.length > 1)
    return new UsageError({ message: `${given.join(" and ")} exclude each other: give one of them` })
  const message = conflicts.find(([isGiven]) => isGiven(input))?.[1]
  return message === undefined ? undefined : new UsageError({ message })
}
