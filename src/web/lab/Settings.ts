/**
 * The settings of a run of the laboratory, and their text in the address of the page. Pure.
 *
 * The text is a query: `protocol=tftp&seed=7&loss=5&duplicate=0&reorder=0&delay=20&sender=rfc783`. It names every
 * setting, so that a link shows the same run after a default has changed. A query may come from anybody: what is
 * unknown or invalid becomes the default, and numbers out of range become the nearest limit.
 */
import * as Choices from "./Choices.ts"

/** The protocols of the laboratory. */
export const protocols = ["rot13", "tftp", "stop-and-wait", "presence"] as const

/** A protocol of the laboratory. */
export type Protocol = (typeof protocols)[number]

/** The settings of a run. */
export interface Settings {
  readonly protocol: Protocol
  /** 1 to 2^31 - 1. */
  readonly seed: number
  /** Probabilities in percent, 0 to 100, in steps of 0.1. */
  readonly lossPercent: number
  readonly duplicatePercent: number
  readonly reorderPercent: number
  /** One way, 0 to 2,000 whole milliseconds. */
  readonly delayMillis: number
  /** Choices of the protocol: those that the protocol has not are ignored. */
  readonly choices: Readonly<Record<string, string>>
}

/** A setting that is a number. */
type Slider = "lossPercent" | "duplicatePercent" | "reorderPercent" | "delayMillis"

/** The number of a slider: its parameter in the query, its label, unit and limits. */
export interface SliderInfo {
  readonly slider: Slider
  /** Parameter of the query. */
  readonly parameter: string
  readonly label: string
  readonly unit: "%" | "ms"
  readonly min: number
  readonly max: number
  /** Step of the values: others are rounded. */
  readonly step: number
  /** One line for the reader. */
  readonly hint: string
}

/** The sliders in the order to show. */
export const sliders: ReadonlyArray<SliderInfo> = [
  {
    ...{ slider: "lossPercent", parameter: "loss", label: "Loss", unit: "%", min: 0, max: 100, step: 0.1 },
    hint: "Share of the packets that never arrive"
  },
  {
    ...{ slider: "duplicatePercent", parameter: "duplicate", label: "Duplication", unit: "%" },
    ...{ min: 0, max: 100, step: 0.1 },
    hint: "Share of the packets that arrive twice"
  },
  {
    ...{ slider: "reorderPercent", parameter: "reorder", label: "Reordering", unit: "%", min: 0, max: 100, step: 0.1 },
    hint: "Share of the packets that are late, so that others overtake them"
  },
  {
    ...{ slider: "delayMillis", parameter: "delay", label: "Delay", unit: "ms", min: 0, max: 2_000, step: 1 },
    hint: "Time of a packet on its way, in one direction"
  }
]

/** Returns the names and values of a protocol's choices, in the order to show. */
export const choicesOf = (protocol: Protocol): ReadonlyArray<Choices.Choice> => Choices.table[protocol]

/** The largest seed: that of a generator with 31 bits. */
const maxSeed = 2 ** 31 - 1

/** The longest query that is read. */
const maxQueryChars = 4_096

const lossPercentByProtocol: Readonly<Record<Protocol, number>> = {
  rot13: 0,
  tftp: 5,
  "stop-and-wait": 20,
  presence: 5
}

/** Returns the settings with which a protocol is first shown. */
export const defaults = (protocol: Protocol): Settings => ({
  protocol,
  seed: 1,
  lossPercent: lossPercentByProtocol[protocol],
  duplicatePercent: 0,
  reorderPercent: 0,
  delayMillis: 20,
  choices: Object.fromEntries(choicesOf(protocol).map(({ initial, name }) => [name, initial]))
})

/** Returns the number that a slider shows: within its limits, on its step. */
const onStep = (value: number, { max, min, step }: SliderInfo): number => {
  const bounded = Math.min(max, Math.max(min, value))
  // Division by the inverse of the step keeps 0.3 from becoming 0.30000000000000004.
  const stepsPerUnit = Math.round(1 / step)
  return Math.round(bounded * stepsPerUnit) / stepsPerUnit
}

const numberOr = (value: number, otherwise: number) => (Number.isFinite(value) ? value : otherwise)

const seedFrom = (value: number, otherwise: number) =>
  Math.min(maxSeed, Math.max(1, Math.trunc(numberOr(value, otherwise))))

/** Returns valid settings: limits, steps, and exactly the choices of the protocol. */
export const normalize = (settings: Settings): Settings => {
  const { choices, protocol } = settings
  const initial = defaults(protocol)
  const numbers = sliders.map((info) => [
    info.slider,
    onStep(numberOr(settings[info.slider], initial[info.slider]), info)
  ])
  const chosen = choicesOf(protocol).map(({ initial, name, values }) => {
    const value = Object.hasOwn(choices, name) ? choices[name] : undefined
    return [name, values.some((one) => one.value === value) ? value : initial]
  })
  return {
    ...initial,
    seed: seedFrom(settings.seed, initial.seed),
    ...Object.fromEntries(numbers),
    choices: Object.fromEntries(chosen)
  }
}

/** Formats settings as a query, without `?`. */
export const format = (settings: Settings): string => {
  const valid = normalize(settings)
  const query = new URLSearchParams({ protocol: valid.protocol, seed: `${valid.seed}` })
  for (const { parameter, slider } of sliders) query.set(parameter, `${valid[slider]}`)
  for (const { name } of choicesOf(valid.protocol)) query.set(name, valid.choices[name]!)
  return query.toString()
}

/** Reads a number; undefined for other text, such as `1e9`, `0x10` or nothing. */
const parseNumber = (text: string | null): number | undefined =>
  text !== null && /^-?\d{1,12}(\.\d{1,6})?$/.test(text) ? Number(text) : undefined

const isProtocol = (text: string | null): text is Protocol => protocols.some((one) => one === text)

/** Parses a query, with or without `?`. Never fails: what is unknown or invalid becomes the default. */
export const parse = (query: string): Settings => {
  const parameters = new URLSearchParams(query.slice(0, maxQueryChars))
  const protocol = parameters.get("protocol")
  const initial = defaults(isProtocol(protocol) ? protocol : "stop-and-wait")
  const numbers = sliders.map(({ parameter, slider }) => [
    slider,
    parseNumber(parameters.get(parameter)) ?? initial[slider]
  ])
  const choices = choicesOf(initial.protocol).map(({ initial, name }) => [name, parameters.get(name) ?? initial])
  return normalize({
    ...initial,
    seed: parseNumber(parameters.get("seed")) ?? initial.seed,
    ...Object.fromEntries(numbers),
    choices: Object.fromEntries(choices)
  })
}

/** Returns another seed: the next of a sequence that visits all (Park and Miller's generator). */
export const nextSeed = (seed: number): number => (seedFrom(seed, 1) * 48_271) % maxSeed || 1
