import * as ChildProcess from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { inject } from "vitest"
import * as descriptors from "../../../../src/cli/run/common/descriptors.ts"
import * as Network from "../../../../src/network/Network.ts"

const clients = { clients: 100, descriptorsEach: 1 }

/** Checks a server with `available` descriptors left of 48; returns what it logs, or its failure. */
const check = (available: number, capacity: descriptors.Capacity) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    const network = Network.Network.of({ ...({} as Network.Network["Service"]), availableSockets: () => available })
    const failure = yield* Effect.flip(descriptors.check("rot13", capacity, 48)).pipe(
      Effect.provideService(Network.Network, network),
      Effect.provide(Logger.layer([logger])),
      Effect.catch(() => Effect.undefined)
    )
    return failure === undefined ? lines : failure.message
  })

describe("descriptors.check", () => {
  const fix = "raise the limit with ulimit -n"
  it.effect.each([
    [100, clients, []],
    [
      15,
      clients,
      [`rot13: at most 15 of 100 clients: too few file descriptors (limit 48, 15 left, 1 for each); ${fix}`]
    ],
    [5, { clients: 9, descriptorsEach: 3 }, [/at most 1 of 9 clients/]],
    [
      2,
      { clients: 9, descriptorsEach: 3 },
      `rot13: too few file descriptors for a client (limit 48, 2 left, 3 for each); ${fix}`
    ],
    [-7, clients, `rot13: too few file descriptors for a client (limit 48, 0 left, 1 for each); ${fix}`],
    [-7, descriptors.unlimited, []]
  ] as ReadonlyArray<readonly [number, descriptors.Capacity, string | ReadonlyArray<string | RegExp>]>)(
    "%i descriptors for %j",
    ([available, capacity, expected]) =>
      Effect.gen(function* () {
        const found = yield* check(available, capacity)
        if (typeof expected === "string" || typeof found === "string")
          return assert.strictEqual(found, expected as string)
        assert.lengthOf(found, expected.length)
        expected.forEach((line, at) => {
          if (typeof line === "string") assert.strictEqual(found[at], line)
          else assert.match(found[at]!, line)
        })
      })
  )
})

/** Starts a command with a limit of descriptors; resolves with its output once that matches, or at its end. */
const runWithLimit = (limit: number, until: RegExp, args: ReadonlyArray<string>) =>
  Effect.callback<string>((resume) => {
    const command = [process.execPath, inject("command"), ...args]
    const child = ChildProcess.spawn("sh", ["-c", `ulimit -n ${limit}; exec "$0" "$@"`, ...command])
    let output = ""
    const done = () => {
      child.kill("SIGKILL")
      resume(Effect.succeed(output))
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes) => {
        output += bytes
        if (until.test(output)) done()
      })
    }
    child.once("close", done)
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

describe("a server with few descriptors", () => {
  it.live("starts with room for some clients, and refuses to start with room for none; the limit is in one line", () =>
    Effect.gen(function* () {
      const args = ["rot13", "serve", "--port", "0"]
      const limit = 64
      const some = /rot13: at most (\d+) of 1024 clients: .*\(limit 64, \1 left, 1 for each\)/
      const left = some.exec(yield* runWithLimit(limit, some, args))?.[1]
      assert.isDefined(left)
      // How many descriptors Node itself takes depends on the host.
      const full = limit - Number(left)
      const output = yield* runWithLimit(full, /never/, args)
      assert.match(output, new RegExp(`^effect-inet: rot13: .*limit ${full}.*; raise the limit with ulimit -n\n$`))
    })
  )
})
