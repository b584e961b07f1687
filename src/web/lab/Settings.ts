/** The settings of a run of the laboratory. Pure. */

/** The protocols of the laboratory. */
export const protocols = ["rot13", "tftp", "stop-and-wait", "presence"] as const

/** A protocol of the laboratory. */
export type Protocol = (typeof protocols)[number]

/** The settings of a run. */
export interface Settings {
  readonly protocol: Protocol
  /** 1 to 2^31 - 1. */
  readonly seed: number
  /** Probabilities in percent, 0 to 100. */
  readonly lossPercent: number
  readonly duplicatePercent: number
  readonly reorderPercent: number
  /** One way, 0 to 2,000 ms. */
  readonly delayMillis: number
  /** Choices of the protocol: those that the protocol has not are ignored. */
  readonly choices: Readonly<Record<string, string>>
}
