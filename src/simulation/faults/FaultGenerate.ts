/** Generates the rules of a plan: few, with small numbers. */
import * as Duration from "effect/Duration"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultRandom from "./FaultRandom.ts"

/** Contents of generated plans. */
export interface Options {
  /** Hosts between which faults can be. Default: rules apply to all packets. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** Hosts that can pause, crash and restart, and whose clocks and disks can have faults. Default: none. */
  readonly faultyHosts?: ReadonlyArray<string> | undefined
  /** Transport of the generated packet rules. Default: both. */
  readonly transport?: "udp" | "tcp" | undefined
  /** Kinds of payloads for rules with `kind=`. Default: none. */
  readonly kinds?: ReadonlyArray<string> | undefined
  /** Actions to use. Default: all that are possible; those of clocks and disks less often. */
  readonly only?: ReadonlyArray<FaultPlan.Action> | undefined
  /** Actions to leave out, also of `only`. Default: none. */
  readonly except?: ReadonlyArray<FaultPlan.Action> | undefined
  /** Period from the start of the run in which all windows lie. Default 10 seconds. */
  readonly faultPeriod?: Duration.Input | undefined
  /** Maximum duration of delays and stalls. Default: a tenth of `faultPeriod`. */
  readonly maxDuration?: Duration.Input | undefined
  /** Maximum number of rules, at least 1. Default 4. */
  readonly maxRules?: number | undefined
}

const nanosPerMilli = 1_000_000
const millis = (input: Duration.Input) => Math.max(1, Math.floor(Duration.toMillis(input)))

/** Draws from a generator of numbers in [0, 1). */
export const drawsFrom = (random: () => number) => ({
  below: (n: number) => Math.floor(random() * n),
  upTo: (n: number) => 1 + Math.floor(random() * n),
  /** Draws a number from 1 to `n`, mostly small. */
  mostlySmall: (n: number) => 1 + Math.floor(random() ** 3 * n),
  withProbability: (part: number) => random() < part,
  pick: <A>(all: ReadonlyArray<A>): A => all[Math.floor(random() * all.length)]!
})

/** Draws of numbers. */
export type Draws = ReturnType<typeof drawsFrom>

/** The values of rules, drawn within the options. */
const valuesOf = (options: Options, draws: Draws) => {
  const { kinds = [] } = options
  const { below, mostlySmall, pick, upTo, withProbability } = draws
  const hosts = [...new Set(options.hosts)]
  const periodMillis = millis(options.faultPeriod ?? "10 seconds")
  const maxMillis = millis(options.maxDuration ?? periodMillis / 10)
  const range = (): FaultPlan.Range => {
    const from = mostlySmall(maxMillis)
    const to = withProbability(0.5) ? from : from + below(maxMillis - from)
    return { from: from * nanosPerMilli, to: to * nanosPerMilli }
  }
  /** The longest duration of a distribution is thirteen deviations above its mean. */
  const distribution = (): FaultPlan.Distribution => {
    const time = mostlySmall(maxMillis) * nanosPerMilli
    return { mean: time / 4, deviation: time / 20, shape: pick(["normal", "pareto"]) }
  }
  const window = () => {
    const from = withProbability(0.3) ? 0 : below(periodMillis)
    return { from: from * nanosPerMilli, to: (from + upTo(periodMillis - from)) * nanosPerMilli }
  }
  const pair = (both: number): FaultPlan.Pair => {
    const from = pick(hosts)
    const to = pick(hosts.filter((host) => host !== from))
    return { from: { host: from }, to: { host: to }, both: withProbability(both) }
  }
  const somePair = (part: number, both: number) =>
    hosts.length > 1 && withProbability(part) ? { pair: pair(both) } : {}
  const rate = () => ({
    percent: pick([5, 10, 20, 50]),
    ...(withProbability(0.75) ? {} : withProbability(0.7) ? { burst: 1 + upTo(7) } : { correlation: pick([25, 50]) }),
    window: window()
  })
  const chance = () => {
    const from = mostlySmall(20)
    const isNumbered = withProbability(0.65)
    return isNumbered ? { nth: { from, to: from + (withProbability(0.8) ? 0 : mostlySmall(4)) } } : rate()
  }
  const matching = () => ({
    ...chance(),
    ...somePair(0.5, 0.3),
    ...(kinds.length > 0 && withProbability(0.4) ? { kind: pick(kinds) } : {})
  })
  const bandwidth = () => {
    const bytesPerSecond = pick([10_000, 50_000, 125_000, 1_000_000])
    return { rate: bytesPerSecond, queue: Math.min(pick([4000, 16_000, 64_000]), (bytesPerSecond * maxMillis) / 1000) }
  }
  return {
    anyDuration: () => (withProbability(0.8) ? range() : distribution()),
    bandwidth,
    chance,
    hosts,
    maxMillis,
    matching,
    pair,
    periodMillis,
    range,
    somePair,
    window
  }
}

type Values = ReturnType<typeof valuesOf>

/** Functions that generate a rule of each action that is possible with the options. */
export type Makers = { readonly [A in FaultPlan.Action]?: () => Extract<FaultPlan.Rule, { readonly action: A }> }

const packetMakers = (options: Options, draws: Draws, values: Values): Makers => {
  const { mostlySmall, withProbability } = draws
  const { anyDuration, bandwidth, hosts, matching, pair, range, somePair, window } = values
  const transport = options.transport === undefined ? {} : { transport: options.transport }
  return {
    drop: () => ({ action: "drop", ...matching() }),
    dup: () => ({
      action: "dup",
      copies: mostlySmall(3),
      after: withProbability(0.5) ? { from: 0, to: 0 } : range(),
      ...matching()
    }),
    reorder: () => ({ action: "reorder", by: mostlySmall(4), within: range(), ...matching() }),
    corrupt: () => ({
      action: "corrupt",
      ...(withProbability(0.5) ? { bit: mostlySmall(64) - 1 } : {}),
      ...matching()
    }),
    truncate: () => ({
      action: "truncate",
      ...(withProbability(0.5) ? { bytes: mostlySmall(16) - 1 } : {}),
      ...matching()
    }),
    delay: () => ({ action: "delay", by: anyDuration(), ...transport, ...matching() }),
    bandwidth: () => ({
      action: "bandwidth",
      ...bandwidth(),
      ...transport,
      ...somePair(0.5, 0.5),
      window: window()
    }),
    stall: () => ({ action: "stall", for: range(), ...matching() }),
    chunk: () => ({ action: "chunk", bytes: mostlySmall(16), ...matching() }),
    reset: () => ({ action: "reset", after: mostlySmall(64) - 1, ...matching() }),
    cut: () => ({ action: "cut", after: mostlySmall(64) - 1, ...matching() }),
    ...(hosts.length > 1 ? { partition: () => ({ action: "partition", pair: pair(0.7), window: window() }) } : {})
  }
}

const operations: ReadonlyArray<FaultPlan.DiskOperation> = ["read", "write", "sync", "other"]
const jumpMillis = [1, 10, 100, 1000, 60_000, 3_600_000]
const driftPpm = [50, 200, 1000, 20_000]

const hostMakers = (faultyHosts: ReadonlyArray<string>, draws: Draws, values: Values): Makers => {
  const { below, pick, withProbability } = draws
  const { anyDuration, chance, periodMillis, window } = values
  const host = () => pick(faultyHosts)
  const interval = () => {
    const { from: at, to: until } = window()
    return { host: host(), at, until }
  }
  const sign = () => (withProbability(0.5) ? 1 : -1)
  const operation = () => (withProbability(0.4) ? { operation: pick(operations) } : {})
  return {
    pause: () => ({ action: "pause", ...interval() }),
    crash: () => ({ action: "crash", ...interval() }),
    jump: () => ({
      action: "jump",
      host: host(),
      at: below(periodMillis) * nanosPerMilli,
      by: sign() * pick(jumpMillis) * nanosPerMilli
    }),
    drift: () => ({ action: "drift", ...interval(), ppm: sign() * pick(driftPpm) }),
    "disk-error": () => ({ action: "disk-error", host: host(), ...operation(), ...chance() }),
    "disk-full": () => ({ action: "disk-full", host: host(), window: window() }),
    "disk-slow": () => ({ action: "disk-slow", host: host(), by: anyDuration(), ...operation(), window: window() })
  }
}

/** Actions about clocks and disks, which most programs do not use. */
const isRare = (action: FaultPlan.Action) => /^(jump|drift|disk-)/.test(action)

const isOfTransport = (action: FaultPlan.Action, transport: "udp" | "tcp" | undefined) =>
  transport === undefined ||
  FaultPlan.actions[transport].some((one) => one === action) ||
  !["udp" as const, "tcp" as const].some((one) => FaultPlan.actions[one].some((other) => other === action))

/**
 * Returns the possible actions, the function that generates a rule of one, and the limits of times. Throws if no action
 * is left: a check without faults would pass.
 */
export const make = (options: Options, draws: Draws) => {
  const { except = [], faultyHosts = [], only, transport } = options
  const values = valuesOf(options, draws)
  const makers: Makers = {
    ...packetMakers(options, draws, values),
    ...(faultyHosts.length === 0 ? {} : hostMakers(faultyHosts, draws, values))
  }
  const isAllowed = (action: FaultPlan.Action) =>
    isOfTransport(action, transport) && (only?.includes(action) ?? true) && !except.includes(action)
  const possible = (Object.keys(makers) as ReadonlyArray<FaultPlan.Action>).filter(isAllowed)
  if (possible.length === 0) {
    const asked = `only ${JSON.stringify(only ?? "all")}, except ${JSON.stringify(except)}`
    throw new Error(
      `no fault can be generated: no action is left (${asked}); ` +
        "a partition needs two hosts, and faults of a host need faultyHosts"
    )
  }
  const limits = { periodNanos: values.periodMillis * nanosPerMilli, maxNanos: values.maxMillis * nanosPerMilli }
  return { limits, possible, rule: (action: FaultPlan.Action): FaultPlan.Rule => makers[action]!() }
}

/** Generates the plan of a seed. */
export const generate = (seed: FaultRandom.Seed, options: Options): FaultPlan.FaultPlan => {
  const draws = drawsFrom(FaultRandom.sequence(seed))
  const { mostlySmall, pick, withProbability } = draws
  const { possible, rule } = make(options, draws)
  const chosen = possible.filter((action) => withProbability(options.only === undefined && isRare(action) ? 0.15 : 0.5))
  const swarm = chosen.length === 0 ? [pick(possible)] : chosen
  return Array.from({ length: mostlySmall(options.maxRules ?? 4) }, () => rule(pick(swarm)))
}
