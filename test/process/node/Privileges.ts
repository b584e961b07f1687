/** Changes to the user and group of its arguments, and prints what the process and its threads then are. */
import * as Fs from "node:fs"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as NodePrivileges from "../../../src/process/NodePrivileges.ts"

const [user, group] = process.argv.slice(2)

// A thread that exists before the change.
const thread = new Worker("setInterval(() => {}, 1_000)", { eval: true })
await new Promise((resolve) => thread.once("online", resolve))

const change = Effect.flatMap(NodePrivileges.find(user!, group), NodePrivileges.drop)
const message = await Effect.runPromise(
  Effect.match(change, { onFailure: (error) => error.message, onSuccess: () => "" })
)

const fieldsOf = (path: string) => {
  const text = Fs.readFileSync(path, "utf8")
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*?)\\s*$`, "m").exec(text)?.[1]
  return `uid ${field("Uid")}, gid ${field("Gid")}, groups ${field("Groups")}, capabilities ${field("CapEff")}`
}

const tasks = Fs.readdirSync("/proc/self/task").map((task) => fieldsOf(`/proc/self/task/${task}/status`))
process.stdout.write(`${JSON.stringify({ message, tasks: [...new Set(tasks)] })}\n`)
await thread.terminate()
