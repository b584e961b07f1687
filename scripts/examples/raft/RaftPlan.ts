/** Fault plans for a Raft cluster: each style of faults reaches states that the others hardly do. */
import { type FaultPlan, FaultRandom } from "effect-inet/simulation"

export const servers = ["s1", "s2", "s3", "s4", "s5"]
export const port = 5_000

/** Virtual milliseconds in which faults begin. */
const faultMillis = 1_500

interface Dice {
  readonly chance: (probability: number) => boolean
  readonly upTo: (n: number) => number
  readonly pick: <A>(all: ReadonlyArray<A>) => A
}

type Style = (dice: Dice) => ReadonlyArray<FaultPlan.Rule>

/** Cuts a server off from the others; the clients still reach it. */
const cut = (host: string, fromMillis: number, toMillis: number): FaultPlan.Rule => ({
  action: "partition",
  pair: { from: { host, port }, to: { host: "*", port }, both: true },
  window: { from: fromMillis * 1e6, to: toMillis * 1e6 }
})

const crash = (host: string, fromMillis: number, toMillis: number): FaultPlan.Rule => ({
  ...{ action: "crash", host, at: fromMillis * 1e6, until: toMillis * 1e6 }
})

const orders = [
  ["s1", "s2", "s3"],
  ["s2", "s3", "s1"],
  ["s3", "s1", "s2"]
] as const

/** Cuts two servers off in turn, each long enough for an election: leaders have entries that the others lack. */
const turns: Style = ({ pick, upTo }) => {
  const [one, other] = pick(orders)
  const [start, millis] = [150 + upTo(300), 260 + upTo(80)]
  return [one, other, one, other].map((host, turn) => cut(host, start + turn * millis, start + (turn + 1) * millis))
}

/** Cuts off one server, then another; the third one crashes for a moment and forgets what is not on its disk. */
const forgetting: Style = ({ pick, upTo }) => {
  const [one, other, third] = pick(orders)
  const [start, millis] = [150 + upTo(800), 260 + upTo(80)]
  const crashAt = start + upTo(millis)
  const cuts = [cut(one, start, start + millis), cut(other, start + millis, start + 2 * millis)]
  return [...cuts, crash(third, crashAt, crashAt + 10 + upTo(50))]
}

/** Crashes servers and cuts them off, at any time. */
const any: Style = ({ chance, pick, upTo }) => {
  const rules: Array<FaultPlan.Rule> = []
  for (let at = 150 + upTo(300); at < faultMillis; at += 20 + upTo(800)) {
    const host = pick(servers.slice(0, 3))
    rules.push(chance(0.3) ? crash(host, at, at + 20 + upTo(300)) : cut(host, at, at + 20 + upTo(600)))
  }
  return rules
}

/** Besides, messages of two kinds are late or come twice. */
const late: Style = (dice) => {
  const { chance, pick } = dice
  const by = { from: 0, to: pick([20, 400, 1_500]) * 1e6 }
  const messages = [1, 2].map((): FaultPlan.Rule => {
    const some = pick([
      { percent: 10, kind: "Append" },
      { percent: 60, kind: "Install" },
      { percent: 30, kind: "Vote" }
    ])
    return chance(0.7) ? { action: "delay", by, ...some } : { action: "dup", copies: 1, after: by, ...some }
  })
  return [...any(dice), ...messages]
}

/** Generates the faults of a seed. */
export const generate = (seed: FaultRandom.Seed): FaultPlan.FaultPlan => {
  const random = FaultRandom.sequence(`raft ${seed}`)
  const upTo = (n: number) => Math.floor(random() * n)
  const pick = <A>(all: ReadonlyArray<A>) => all[upTo(all.length)]!
  return pick([turns, forgetting, late])({ chance: (probability) => random() < probability, upTo, pick })
}
