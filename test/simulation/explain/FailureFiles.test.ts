/** Files of a failure, and the statistics that are printed. */
import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, assert, describe, it, vi } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as PcapngDecoder from "../../../src/capture/PcapngDecoder.ts"
import * as Network from "../../../src/network/Network.ts"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))

afterAll(() => Fs.rmSync(folder, { recursive: true }))

const environment = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

/** Fails if a datagram is lost. */
const scenario = Effect.fnUntraced(function* ({ host, sometimes }: Simulation.Simulation) {
  const [a, b] = [yield* host("a"), yield* host("b")]
  const received: Array<number> = []
  yield* b.start(
    Effect.flatMap(Network.Network, ({ udp }) => udp({ host: b.address, port: 9 }, ([n]) => received.push(n!)))
  )
  yield* a.run(
    Effect.gen(function* () {
      const socket = yield* (yield* Network.Network).udp({ host: a.address }, () => {})
      for (let n = 0; n < 5; n++) yield* socket.send(Uint8Array.of(n), { address: b.address, port: 9 })
    })
  )
  yield* Effect.sleep("1 second")
  yield* sometimes("all received", received.length === 5)
  if (received.length < 5) yield* Effect.fail(new Error(`<${received.length}> of 5 received`))
})

const path = (name: string) => Path.join(folder, name)

const check = (env: Record<string, string>, plan: string) =>
  environment(env)(SimCheck.check(scenario, { plan, runs: 10 }))

const hasTshark = spawnSync("tshark", ["--version"]).status === 0

describe("files of a failure", () => {
  it.effect("SIM_CAPTURE has the packets of the shrunk run, with a comment on the faulty one", () =>
    Effect.gen(function* () {
      const file = path("run.pcapng")
      yield* Effect.flip(check({ SIM_CAPTURE: file }, "drop=30%"))
      const blocks = Result.getOrThrow(PcapngDecoder.decode(Fs.readFileSync(file)))
      const comments = blocks.flatMap((block) => (block._tag === "Packet" ? [block.comments] : []))
      assert.deepStrictEqual(comments, [["drop", "lost"], [], [], [], []])
      const names = blocks.flatMap((block) => (block._tag === "Names" ? block.names : []))
      assert.deepStrictEqual(
        names.map(({ names }) => names),
        [["a"], ["b"]]
      )
    })
  )

  it.skipIf(!hasTshark)(`tshark reads SIM_CAPTURE${hasTshark ? "" : " (skipped: no tshark)"}`, async () => {
    const file = path("tshark.pcapng")
    await Effect.runPromise(Effect.flip(check({ SIM_CAPTURE: file }, "drop=30%")))
    const fields = ["-T", "fields", "-e", "udp.dstport", "-e", "frame.comment"]
    const lines = execFileSync("tshark", ["-r", file, ...fields], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"]
    })
    assert.deepStrictEqual(
      lines.split("\n").map((line) => line.trim()),
      ["9\tdrop,lost", "9", "9", "9", "9", ""]
    )
  })

  it.effect("SIM_HTML has the reason as text, and the run without faults", () =>
    Effect.gen(function* () {
      const file = path("run.html")
      const { message } = yield* Effect.flip(check({ SIM_HTML: file }, "drop=30%"))
      assert.match(message, /^<4> of 5 received/)
      const page = Fs.readFileSync(file, "utf8")
      assert.include(page, "&lt;4&gt; of 5 received")
      assert.notInclude(page, "<4>")
      assert.include(page, '"name":"without faults","ending":"passes"')
    })
  )

  it.effect("a file that cannot be written is reported with its path, below the failure", () =>
    Effect.gen(function* () {
      const file = path("missing/run.pcapng")
      const error = yield* Effect.flip(check({ SIM_CAPTURE: file }, "drop=30%"))
      assert.strictEqual(error.reason._tag, "Failed")
      assert.match(error.message, /^<4> of 5 received/)
      assert.include(error.message, "\n  SIM_SEED=")
      assert.include(error.message, `\n\ncannot write ${file}: ENOENT`)
    })
  )

  it.effect("SIM_REPORT prints the statistics and what was reached", () =>
    Effect.gen(function* () {
      const printed: Array<unknown> = []
      const log = vi.spyOn(globalThis.console, "log").mockImplementation((text) => printed.push(text))
      const summary = yield* Effect.ensuring(
        check({ SIM_REPORT: "1" }, "delay=50% 1ms"),
        Effect.sync(() => log.mockRestore())
      )
      assert.deepStrictEqual(printed, [SimCheck.format(summary)])
      const [head, , ...table] = SimCheck.format(summary).split("\n")
      assert.match(
        head!,
        /^10 seeds passed in [\d.]+ s \([\d.e+]+ seeds\/s, [\d.]+ ms each, run twice\): 50 packets, \d+ faults, 10 s of virtual time$/
      )
      assert.deepStrictEqual(
        table.map((line) => line.split(/ {2,}/)[0]),
        ["state", "all received", "", "fault", "delay"]
      )
      assert.strictEqual(summary.reached.get("all received"), 10)
    })
  )
})
