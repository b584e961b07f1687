/** The actions of fault plans as text: the clauses that each accepts, and the rule that they make. */
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultPlanClauses from "./FaultPlanClauses.ts"

type Rule = FaultPlan.Rule
/** Values of the clauses of a rule. */
export type Parts = FaultPlanClauses.ClauseValues
/** The name of a clause. */
export type Name = FaultPlanClauses.Name
type Of<A extends FaultPlan.Action> = Extract<Rule, { readonly action: A }>

/** Values of a rule, as its clauses. */
type Values = Pick<Parts, "number" | "time" | "transport" | "rate" | "queue" | "shift" | "ppm">

/** Syntax of an action. */
export interface RuleSyntax<R extends Rule> {
  readonly allowed: ReadonlyArray<Name>
  readonly required: ReadonlyArray<Name>
  /** Bounds of the number. */
  readonly minNumber: number
  readonly maxNumber: number
  /** Use of a single time, such as `@5s`, in place of a window: never, allowed or required. */
  readonly instantWindow: "never" | "may" | "must"
  readonly build: (parts: Parts) => R
  /** Returns the values of a rule besides its selection of packets. */
  readonly valuesOf: (rule: R) => Values
}

export const unlimitedNumber = Number.MAX_SAFE_INTEGER
const second: FaultPlan.Range = { from: 1e9, to: 1e9 }
const noDelay: FaultPlan.Range = { from: 0, to: 0 }

/** Returns the fields without those that are undefined; a loop, because notes of drawn faults are many. */
const present = <A extends object>(fields: A) => {
  const found: Record<string, unknown> = {}
  for (const name in fields) if (fields[name] !== undefined) found[name] = fields[name]
  return found as { readonly [K in keyof A]?: Exclude<A[K], undefined> }
}

const windowOf = ({ at }: Parts): FaultPlan.Window | undefined =>
  at && (at.to === undefined ? { from: at.from } : { from: at.from, to: at.to })

const chanceFields = ({ burst, correlation, nth, percent }: Parts) => present({ nth, percent, burst, correlation })
const pathFields = (parts: Parts) => present({ pair: parts.pair, kind: parts.kind, window: windowOf(parts) })
const matchingFields = (parts: Parts) => ({ ...chanceFields(parts), ...pathFields(parts) })
const diskFields = (parts: Parts) => ({
  ...chanceFields(parts),
  ...present({ operation: parts.operation, window: windowOf(parts) })
})

/** Returns the time of an action that accepts no distribution. */
const rangeOf = ({ time }: Parts) => time as FaultPlan.Range | undefined

/** Returns a value, or undefined if it is the default. */
const omitDefault = (defaultValue: number, value: number) => (value === defaultValue ? undefined : value)
const omitDefaultRange = (defaultValue: FaultPlan.Range, { from, to }: FaultPlan.Range) =>
  from === defaultValue.from && to === defaultValue.to ? undefined : { from, to }

const path = ["pair", "kind", "at", "transport"] as const
const chance = ["nth", "percent", "burst", "correlation"] as const
const matching = ["nth", "percent", ...path, "burst", "correlation"] as const
const withoutValue = {
  allowed: matching,
  required: [],
  minNumber: 0,
  maxNumber: unlimitedNumber,
  instantWindow: "never",
  valuesOf: () => ({})
} as const
const withNumber = { ...withoutValue, allowed: [...matching, "number"] } as const
const withTime = { ...withoutValue, allowed: [...matching, "time"] } as const
const withTimeAndNumber = { ...withoutValue, allowed: [...matching, "time", "number"] } as const
const onHost = { ...withoutValue, allowed: ["host", "at"], required: ["host", "at"], instantWindow: "may" } as const
const onDisk = { ...withoutValue, allowed: [...chance, "operation", "at", "host"], required: ["host"] } as const

const intervalOf = ({ at, host }: Parts) => ({ host: host!, at: at!.from, ...present({ until: at!.to }) })

const lastingOnHost = <A extends "pause" | "crash">(action: A) => ({
  ...onHost,
  build: (parts: Parts) => ({ action, ...intervalOf(parts) })
})

/** Syntax of all actions, in the order in which an error names them. */
export const actions: { readonly [A in FaultPlan.Action]: RuleSyntax<Of<A>> } = {
  drop: { ...withoutValue, build: (parts) => ({ action: "drop", ...matchingFields(parts) }) },
  dup: {
    ...withTimeAndNumber,
    minNumber: 1,
    maxNumber: 1000,
    build: (parts) => ({
      action: "dup",
      copies: parts.number ?? 1,
      after: rangeOf(parts) ?? noDelay,
      ...matchingFields(parts)
    }),
    valuesOf: ({ after, copies }) => present({ number: omitDefault(1, copies), time: omitDefaultRange(noDelay, after) })
  },
  reorder: {
    ...withTimeAndNumber,
    minNumber: 1,
    build: (parts) => ({
      action: "reorder",
      by: parts.number ?? 1,
      within: rangeOf(parts) ?? second,
      ...matchingFields(parts)
    }),
    valuesOf: ({ by, within }) => present({ number: omitDefault(1, by), time: omitDefaultRange(second, within) })
  },
  corrupt: {
    ...withNumber,
    build: (parts) => ({ action: "corrupt", ...present({ bit: parts.number }), ...matchingFields(parts) }),
    valuesOf: ({ bit }) => present({ number: bit })
  },
  truncate: {
    ...withNumber,
    build: (parts) => ({ action: "truncate", ...present({ bytes: parts.number }), ...matchingFields(parts) }),
    valuesOf: ({ bytes }) => present({ number: bytes })
  },
  delay: {
    ...withTime,
    allowed: [...matching, "distribution", "time"],
    required: ["time"],
    build: (parts) => ({
      action: "delay",
      by: parts.time!,
      ...present({ transport: parts.transport }),
      ...matchingFields(parts)
    }),
    valuesOf: ({ by, transport }) => present({ time: by, transport })
  },
  bandwidth: {
    ...withoutValue,
    allowed: ["rate", "queue", ...path],
    required: ["rate"],
    build: (parts) => ({
      action: "bandwidth",
      rate: parts.rate!,
      queue: parts.queue ?? FaultPlan.defaultQueueBytes,
      ...present({ transport: parts.transport }),
      ...pathFields(parts)
    }),
    valuesOf: ({ queue, rate, transport }) =>
      present({ rate, queue: omitDefault(FaultPlan.defaultQueueBytes, queue), transport })
  },
  stall: {
    ...withTime,
    build: (parts) => ({ action: "stall", ...present({ for: rangeOf(parts) }), ...matchingFields(parts) }),
    valuesOf: (rule) => present({ time: rule.for })
  },
  chunk: {
    ...withNumber,
    minNumber: 1,
    build: (parts) => ({ action: "chunk", bytes: parts.number ?? 1, ...matchingFields(parts) }),
    valuesOf: ({ bytes }) => present({ number: omitDefault(1, bytes) })
  },
  reset: {
    ...withNumber,
    build: (parts) => ({ action: "reset", after: parts.number ?? 0, ...matchingFields(parts) }),
    valuesOf: ({ after }) => present({ number: omitDefault(0, after) })
  },
  cut: {
    ...withNumber,
    build: (parts) => ({ action: "cut", after: parts.number ?? 0, ...matchingFields(parts) }),
    valuesOf: ({ after }) => present({ number: omitDefault(0, after) })
  },
  partition: {
    ...withoutValue,
    allowed: ["pair", "at"],
    required: ["pair"],
    build: (parts) => ({ action: "partition", pair: parts.pair!, ...present({ window: windowOf(parts) }) })
  },
  pause: lastingOnHost("pause"),
  crash: lastingOnHost("crash"),
  restart: {
    ...onHost,
    instantWindow: "must",
    build: ({ at, host }) => ({ action: "restart", host: host!, at: at!.from })
  },
  jump: {
    ...onHost,
    allowed: ["at", "shift", "host"],
    required: ["host", "at", "shift"],
    instantWindow: "must",
    build: ({ at, host, shift }) => ({ action: "jump", host: host!, at: at!.from, by: shift! }),
    valuesOf: ({ by }) => ({ shift: by })
  },
  drift: {
    ...onHost,
    allowed: ["at", "ppm", "host"],
    required: ["host", "at", "ppm"],
    build: (parts) => ({ action: "drift", ...intervalOf(parts), ppm: parts.ppm! }),
    valuesOf: ({ ppm }) => ({ ppm })
  },
  "disk-error": {
    ...onDisk,
    build: (parts) => ({ action: "disk-error", host: parts.host!, ...diskFields(parts) })
  },
  "disk-full": {
    ...onDisk,
    allowed: [...chance, "at", "host"],
    build: (parts) => ({ action: "disk-full", host: parts.host!, ...diskFields(parts) })
  },
  "disk-slow": {
    ...onDisk,
    allowed: [...chance, "operation", "at", "distribution", "time", "host"],
    required: ["host", "time"],
    build: (parts) => ({ action: "disk-slow", host: parts.host!, by: parts.time!, ...diskFields(parts) }),
    valuesOf: ({ by }) => ({ time: by })
  }
}

/** Formats the action of a rule with its values, without its selection of packets. */
export const formatFault = (rule: FaultPlan.PacketRule | FaultPlan.Bandwidth): string => {
  const { number, queue, rate, time, transport } = (actions[rule.action] as RuleSyntax<Rule>).valuesOf(rule)
  let value = number === undefined ? "" : `${number}`
  if (time !== undefined) value += `${value === "" ? "" : " "}${FaultPlanClauses.formatDuration(time)}`
  if (rate !== undefined) value = `${FaultPlanClauses.formatBytes(rate)}/s`
  const fault = value === "" ? rule.action : `${rule.action}=${value}`
  const rest = queue === undefined ? "" : ` queue=${FaultPlanClauses.formatBytes(queue)}`
  return `${fault}${rest}${transport === undefined ? "" : ` ${transport}`}`
}
