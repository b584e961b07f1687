import * as ChildProcess from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inject } from "vitest"
import { waitForChange } from "./StatusCli.ts"

const entry = inject("command")

const ip = (command: string) => ChildProcess.spawnSync("ip", command.split(" ")).status === 0

const mine = (name: string) => `inet${process.pid}${name}`

/** Network namespaces need Linux, ip(8) and the right to create them. */
const isHere = (() => {
  const name = mine("try")
  const made = ip(`netns add ${name}`) && ip(`-n ${name} link add try type veth peer name yrt`)
  ip(`netns del ${name}`)
  return made
})()

const host = Effect.fnUntraced(function* (name: string) {
  const netns = mine(name)
  yield* Effect.acquireRelease(
    Effect.sync(() => ip(`netns add ${netns}`)),
    () => Effect.sync(() => ip(`netns del ${netns}`))
  )
  ip(`-n ${netns} link set lo up`)
  return netns
})

/** Connects two hosts by a virtual cable, with a network on it. */
const cable = (one: string, other: string, name: string, network: string) => {
  ip(`-n ${one} link add ${name} type veth peer name ${name} netns ${other}`)
  for (const [at, netns] of [one, other].entries()) {
    ip(`-n ${netns} addr add ${network}.${at + 1}/24 brd + dev ${name}`)
    ip(`-n ${netns} link set ${name} up`)
  }
}

/** Waits until both ends have a link. */
const connected = Effect.fnUntraced(function* (netns: string, name: string) {
  const isUp = Effect.sync(() => {
    const { stdout } = ChildProcess.spawnSync("ip", ["-n", netns, "-o", "link", "show", name])
    return `${stdout}`.includes("state UP")
  })
  yield* Effect.repeat(isUp, { until: (isUp) => isUp })
})

/** Starts a peer on one of the hosts, as `Cli.start` does on this one. */
const start = Effect.fnUntraced(function* (netns: string, name: string) {
  const args = ["netns", "exec", netns, process.execPath, entry, "status", name, "--interval", "200ms", "--json"]
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn("ip", args)),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )
  const said = { stdout: "", stderr: "" }
  for (const stream of ["stdout", "stderr"] as const) child[stream].on("data", (bytes) => (said[stream] += bytes))
  const waitForOutput = (stream: keyof typeof said, pattern: RegExp) =>
    Effect.callback<RegExpExecArray>((resume) => {
      const look = () => {
        const match = pattern.exec(said[stream])
        if (match !== null) resume(Effect.succeed(match))
      }
      child[stream].on("data", look)
      look()
      return Effect.sync(() => void child[stream].off("data", look))
    })
  return { waitForOutput, said, end: Effect.sync(() => void child.kill("SIGINT")) }
})

describe("status on several hosts", () => {
  it.live.skipIf(!isHere)(
    "follows the interfaces of a host on two networks whose cable is pulled (skipped without `ip netns`)",
    () =>
      Effect.gen(function* () {
        const [left, middle, right] = yield* Effect.all([host("l"), host("m"), host("r")])
        cable(left, middle, "veth-l", "192.0.2")
        cable(right, middle, "veth-r", "198.51.100")
        for (const [netns, name] of [
          [left, "veth-l"],
          [right, "veth-r"],
          [middle, "veth-l"],
          [middle, "veth-r"]
        ] as const) {
          yield* connected(netns, name)
        }
        const one = yield* start(left, "left")
        const both = yield* start(middle, "middle")
        const other = yield* start(right, "right")
        const seen = yield* Effect.all([
          waitForChange(one, "Joined", "middle"),
          waitForChange(other, "Joined", "middle"),
          waitForChange(both, "Joined", "left"),
          waitForChange(both, "Joined", "right")
        ])
        assert.deepStrictEqual(
          seen.map(({ address }) => address),
          ["192.0.2.2", "198.51.100.2", "192.0.2.1", "198.51.100.1"]
        )
        yield* both.waitForOutput("stderr", /on 0\.0\.0\.0:2066 \(open to the network\); broadcast to .*192\.0\.2\.255/)

        ip(`-n ${middle} link set veth-l down`)
        yield* Effect.all([waitForChange(one, "Down", "middle"), waitForChange(both, "Down", "left")])
        yield* both.waitForOutput("stderr", /broadcast to 192\.0\.2\.255 failed.*"level":"WARN"/)
        ip(`-n ${middle} link set veth-l up`)
        yield* Effect.all([waitForChange(one, "Alive", "middle"), waitForChange(both, "Alive", "left")])

        yield* both.end
        yield* Effect.all([waitForChange(one, "Left", "middle"), waitForChange(other, "Left", "middle")])
        assert.notInclude(one.said.stdout, "right")
        assert.notInclude(other.said.stdout, '"Down"')
      }).pipe(Effect.scoped)
  )
})
