/**
 * Checks that processes with one seed make the same run: each prints a hash of its record, and all must be equal.
 *
 * node scripts/check/same-traces.ts [PROCESSES] [SEED]
 *
 * Default 1,000 processes and seed 1. Exit code 1 if two differ.
 */
import { spawn } from "node:child_process"
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { traceHash } from "../../test/support/simulation/traced.ts"

const [, script, first = "1000", second = "1"] = process.argv

/** Runs this script as one of the processes and returns the hash that it prints. */
const hashOf = (seed: string) =>
  new Promise<string>((resolve, reject) => {
    const child = spawn(process.execPath, [script!, "hash", seed], { stdio: ["ignore", "pipe", "inherit"] })
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
    child.once("error", reject)
    child.once("close", (code) => (code === 0 ? resolve(output.trim()) : reject(new Error(`exit code ${code}`))))
  })

/** Starts the processes, as many at a time as there are cores, and returns how many printed each hash. */
const compare = async (processes: number, seed: string) => {
  const counts = new Map<string, number>()
  let started = 0
  const lane = async () => {
    while (started < processes) {
      started++
      const hash = await hashOf(seed)
      counts.set(hash, (counts.get(hash) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: Os.availableParallelism() }, lane))
  return counts
}

if (first === "hash") {
  const silent = Effect.provide(traceHash(Number(second)), Logger.layer([]))
  process.stdout.write(`${await Effect.runPromise(silent)}\n`)
} else {
  const startMillis = performance.now()
  const counts = await compare(Number(first), second)
  const seconds = ((performance.now() - startMillis) / 1_000).toFixed(1)
  for (const [hash, count] of counts) process.stdout.write(`${count} processes: ${hash}\n`)
  process.stdout.write(`${counts.size === 1 ? "equal" : "DIFFERENT"} after ${seconds} s\n`)
  process.exitCode = counts.size === 1 ? 0 : 1
}
