/** The data in the page of a failed run: what the script of the page reads as JSON. */

/** Kind of an event, by which readers filter; `end` is the last one of each run. */
export type Kind = "packet" | "log" | "host" | "link" | "disk" | "switch" | "state" | "reached" | "end"

/** An event of a run, ready to be shown. All texts are one line unless they say otherwise. */
export interface PageEvent {
  readonly kind: Kind
  /** Virtual nanoseconds since the start of the run. */
  readonly at: number
  /** Host of the event, or sender of a packet; undefined for the scenario and for all hosts. */
  readonly host?: string
  /** Receiver of a packet; undefined for a group, or an address that no host has. */
  readonly to?: string
  readonly text: string
  readonly isFault?: true
  readonly isLost?: true
  /** True for a warning or an error in the log. */
  readonly isWarning?: true
  /** Fault that was applied, as in a fault plan. */
  readonly fault?: string
  /** Time of arrival of a packet, in virtual nanoseconds. */
  readonly arrives?: number
  /** Word of a dissector for a packet, such as `RRQ`, or its kind; operation of a disk; level of a log line. */
  readonly type?: string
  /** Addresses of a packet; path of a file; step of a fiber. */
  readonly detail?: string
  /** Length of the payload in bytes. */
  readonly size?: number
  /** Start of the payload, in base64. */
  readonly bytes?: string
  /** Whole text of a log line that is longer than its first line, or JSON of a state. */
  readonly content?: string
  /** Name of a state. */
  readonly label?: string
  /** Change of a host: `crash`, `restart`, `pause`... */
  readonly change?: string
  /** Number of events before this one that are not in the page. */
  readonly omittedBefore?: number
}

/** A run in the page. */
export interface PageRun {
  /** Name for readers: `this run`. */
  readonly name: string
  readonly ending: string
  readonly endNanos: number
  /** Number of recorded events of the run, also of those that are not in the page. */
  readonly total: number
  readonly events: ReadonlyArray<PageEvent>
}

/**
 * A row of the comparison of two runs. It has an event of each by its position in the page, or -1 for none, and whether
 * the two events differ.
 */
export type DifferenceRow = readonly [one: number, other: number, isChanged: 0 | 1]

/** Comparison of two runs. */
export interface PageDifference {
  readonly title: string
  readonly rows: ReadonlyArray<DifferenceRow>
}

/** All that the page shows. */
export interface PageData {
  /** The reason, possibly of several lines. */
  readonly reason: string
  readonly command: string
  readonly input?: string
  readonly plan: string
  readonly seed: number
  readonly hosts: ReadonlyArray<string>
  /** The failed run, and the one that it is compared with. */
  readonly runs: ReadonlyArray<PageRun>
  readonly difference?: PageDifference
}
