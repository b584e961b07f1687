import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"
import { directory, waitForNames } from "../../../support/Directory.ts"
import * as Pty from "../../../support/Pty.ts"

const count = (...args: ReadonlyArray<string>) => Cli.run(["primes", "count", ...args])

const counted = (...args: ReadonlyArray<string>) => Effect.map(count(...args), ({ stdout }) => `${stdout}`)

const json = (...args: ReadonlyArray<string>) =>
  Effect.map(count(...args, "--json"), ({ stderr, stdout }) => {
    assert.strictEqual(stderr, "")
    return JSON.parse(`${stdout}`)
  })

describe("primes count", () => {
  it.live("prints the count only", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* count("0..1e8")
      assert.deepStrictEqual([code, stderr, `${stdout}`], [0, "", "5761455\n"])
      assert.strictEqual(yield* counted("7..=7"), "1\n")
      assert.strictEqual(yield* counted("7..7"), "0\n")
    })
  )

  it.live("prints JSON for every kernel, with the given number of packets", () =>
    Effect.gen(function* () {
      for (const kernel of ["wasm", "segmented", "trial"]) {
        const found = yield* json("10_000..2e6", "--kernel", kernel, "--workers", "2", "--packets", "40")
        const { from, packets, to, workers } = found
        assert.deepInclude(found, { from: 10_000, to: 2_000_000, count: 148_933 - 1_229, kernel })
        assert.strictEqual(packets, 40)
        assert.deepStrictEqual(
          workers.map(({ name }: { readonly name: string }) => name),
          ["thread 1", "thread 2"]
        )
        const sum = workers.reduce((all: number, { share }: { readonly share: number }) => all + share, 0)
        assert.closeTo(sum, 1, 0.001)
        assert.isAbove(found.rate * found.seconds, 0.9 * (to - from))
      }
    })
  )

  it.live("starts at most as many threads as there are packets", () =>
    Effect.gen(function* () {
      const { count, workers } = yield* json("0..100", "--workers", "1024")
      assert.deepStrictEqual([count, workers.length], [25, 1])
    })
  )

  it.live("reads the kernel from the environment, and refuses an unknown one", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(["primes", "count", "10"], { env: { PRIMES_KERNEL: "slow" } })
      assert.match(stderr, /^effect-inet: PRIMES_KERNEL: expected "wasm", "segmented" or "trial" \(got "slow"\)$/m)
      assert.strictEqual(code, 2)
    })
  )

  it.live("warns that --faults needs --hosts", () =>
    Effect.gen(function* () {
      const { stderr, stdout } = yield* count("100", "--faults", "drop=1%")
      assert.match(stderr, /^.* WARN .*: --faults and --capture need --hosts: threads do not use the network\n$/)
      assert.strictEqual(`${stdout}`, "25\n")
    })
  )

  it.live("exits with 130 when interrupted, and continues from its checkpoint", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const run = ["0..5e9", "--workers", "2", "--packets", "400", "--checkpoint", inRoot("run")]
      const first = yield* Cli.start(["primes", "count", ...run])
      yield* waitForNames(root, (names) => names.includes("run"))
      yield* first.kill("SIGINT")
      assert.strictEqual((yield* first.ended).code, 130)
      const saved = JSON.parse(Fs.readFileSync(inRoot("run"), "utf8"))
      assert.isAbove(saved.state.cut, 0)
      const { code, stderr } = yield* count("0..4e9", "--checkpoint", inRoot("run"))
      assert.match(stderr, /run: belongs to input .*"to":5000000000.*, not .*; name another file\n$/)
      assert.strictEqual(code, 1)
      assert.strictEqual(yield* counted(...run), "234954223\n")
      assert.isFalse(Fs.existsSync(inRoot("run")))
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!Pty.isAvailable)(
    "draws a bar on a terminal, and a summary at the end (skipped without script(1))",
    () =>
      Effect.gen(function* () {
        const terminal = yield* Pty.start(["primes", "count", "0..5e9", "--workers", "2"], 120)
        yield* terminal.waitForOutput(
          /0\.\.5000000000 {2} *\d+% \[=* *\] .* of 5\.00 G .*ETA .* {2}thread 1 \d+%, thread 2 \d+%/
        )
        const { code, output } = yield* terminal.ended
        assert.match(output, /\d+ packets, 2 workers busy \d+% of the time\r\n.*234954223\r\n/s)
        assert.strictEqual(code, 0)
      }).pipe(Effect.scoped)
  )
})

describe("primes list", () => {
  it.live("prints one prime on each line", () =>
    Effect.gen(function* () {
      const { stdout } = yield* Cli.run(["primes", "list", "0..=31"])
      assert.strictEqual(`${stdout}`, "2\n3\n5\n7\n11\n13\n17\n19\n23\n29\n31\n")
      const many = yield* Cli.run(["primes", "list", "2e6", "--kernel", "segmented"])
      const numbers = `${many.stdout}`.trimEnd().split("\n").map(Number)
      assert.lengthOf(numbers, 148_933)
      assert.isTrue(numbers.every((number, at) => at === 0 || number > numbers[at - 1]!))
    })
  )

  it.live("ends when its output is closed, and when it is interrupted", () =>
    Effect.gen(function* () {
      const read = yield* Cli.start(["primes", "list", "1e15..2^53"])
      yield* read.waitForOutput("stdout", /^1000000000000037\n1000000000000091\n/)
      read.stdout.destroy()
      assert.deepInclude(yield* read.ended, { code: 0, stderr: "" })
      const stopped = yield* Cli.start(["primes", "list", "2^53"])
      yield* stopped.waitForOutput("stdout", /^2\n3\n/)
      yield* stopped.kill("SIGINT")
      assert.strictEqual((yield* stopped.ended).code, 130)
    }).pipe(Effect.scoped)
  )
})

describe("primes speedup", () => {
  it.live("prints a row for each number of threads and a plot, and writes the plot to a file", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const args = ["primes", "speedup", "0..1e8", "--workers", "2", "--svg", inRoot("plot.svg")]
      const { code, stdout } = yield* Cli.run(args)
      assert.match(`${stdout}`, /^Primes in 0\.\.100000000, .*\n\n.*speed-up.*\n +1 .* 1\.00 +100\.0% .*%\n +2 .*%\n/)
      assert.match(`${stdout}`, /\n +\+-+\+-.*\n +1 .*workers\n/)
      assert.strictEqual(code, 0)
      const svg = Fs.readFileSync(inRoot("plot.svg"), "utf8")
      assert.match(svg, /^<svg .*<circle .*1 worker: 1\.00<.*<circle .*2 workers: \d+\.\d\d<.*<\/svg>\n$/s)
    }).pipe(Effect.scoped)
  )

  it.live("prints JSON, and fails before the first run if the plot cannot be written", () =>
    Effect.gen(function* () {
      const args = ["primes", "speedup", "0..1e6", "--workers", "1", "--json"]
      const { stdout } = yield* Cli.run(args)
      const { count, runs } = JSON.parse(`${stdout}`)
      assert.strictEqual(count, 78_498)
      assert.lengthOf(runs, 1)
      assert.deepInclude(runs[0], { workers: 1, speedup: 1, efficiency: 1 })
      const failed = yield* Cli.run([...args, "--svg", "/nosuch/plot.svg"])
      assert.match(failed.stderr, /^effect-inet: --svg "\/nosuch\/plot\.svg": .*\n$/)
      assert.deepStrictEqual([failed.code, `${failed.stdout}`], [1, ""])
    })
  )
})
