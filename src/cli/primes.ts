import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

const about = "A..B excludes B, A..=B includes it, B alone is 0..=B; numbers as in 10_000, 1e10, 2^53"

const range = Argument.String("range").pipe(Argument.withDescription(about))

const kernel = flags.choice(
  "primes",
  "kernel",
  ["wasm", "segmented", "trial"],
  "The algorithm: wasm is the fastest, trial is the course's trial division (default wasm)"
)

const key = flags.optionalText(
  "primes",
  "key",
  "KEY",
  "The secret of farm and servers; in PRIMES_KEY it is hidden from other users of this machine (default none)"
)

const count = Command.make(
  "count",
  {
    range,
    kernel,
    workers: flags.integer(
      undefined,
      "workers",
      1,
      1_024,
      "Worker threads of this process (default: one for each processor, or none with --hosts)"
    ),
    packets: flags.positiveInteger(undefined, "packets", "Number of packets (default: packets of 100 ms)"),
    hosts: flags.optionalText("primes", "hosts", "HOST[:PORT],...", "Servers that count as well (default none)"),
    dialect: flags.choice("primes", "dialect", ["course"], "Use the course's protocol with --hosts"),
    key,
    checkpoint: flags.optionalText(
      "primes",
      "checkpoint",
      "FILE",
      "File for the state of an unfinished run, from which the same command continues; removed at the end"
    ),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/primes/count.ts"),
      (run) => run.count(input)
    )
).pipe(
  Command.withDescription("Count the primes of a range, on threads and on other machines"),
  Command.withExamples([
    { command: "effect-inet primes count 0..1e10", description: "455052511, on all processors" },
    {
      command: "effect-inet primes count 0..1e12 --hosts 192.0.2.1,192.0.2.2:1071 --workers 2",
      description: "Two servers, and two threads of this machine"
    },
    {
      command: "effect-inet primes count 1e15..=1000001e9 --checkpoint run.json",
      description: "Continues after Ctrl-C or a crash"
    }
  ])
)

const list = Command.make("list", { range, kernel }, (input) =>
  lazyCommand(
    () => import("./run/primes/list.ts"),
    (run) => run.list(input)
  )
).pipe(
  Command.withDescription("List the primes of a range, one on each line, as fast as they are read"),
  Command.withExamples([
    { command: "effect-inet primes list 1e15..2^53 | head -1", description: "The first after 10^15" }
  ])
)

const serve = Command.make(
  "serve",
  {
    host: flags.host("primes"),
    port: flags.port("primes", 1070),
    dialect: flags.choice(
      "primes",
      "dialect",
      ["course"],
      "Include 0 and 1 in the counts for clients of the course, as its servers do (default: exact counts)"
    ),
    threads: flags.integer("primes", "threads", 1, 1_024, "Worker threads (default: one for each processor)"),
    kernel,
    key,
    ...flags.limits("primes"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/primes/serve.ts"),
      (run) => run.serve(input)
    )
).pipe(
  Command.withDescription("Count primes for farms on other machines, and for the course's client"),
  Command.withExamples([
    { command: "effect-inet primes serve", description: "On 127.0.0.1:1070, for this machine" },
    { command: "PRIMES_KEY=secret effect-inet primes serve --host ::", description: "For farms that have the key" },
    { command: "effect-inet primes serve --dialect course", description: "664581 primes below 10^7" }
  ])
)

const speedup = Command.make(
  "speedup",
  {
    range: flags.optionalArgument("range", `${about} (default: some seconds of work for one thread)`),
    workers: flags.integer(
      undefined,
      "workers",
      1,
      64,
      "The most threads to measure (default: one for each processor)"
    ),
    kernel,
    svg: flags.optionalText("primes", "svg", "FILE", "Write the plot to this file as well"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/primes/speedup.ts"),
      (run) => run.speedup(input)
    )
).pipe(
  Command.withDescription("Count the same primes on 1, 2, 3... threads: time, speed-up, efficiency, and a plot"),
  Command.withExamples([
    {
      command: "effect-inet primes speedup --svg speedup.svg",
      description: "The speed-up on this machine, as a picture"
    }
  ])
)

export const command = Command.make("primes").pipe(
  Command.withDescription("Count and list primes on a processor farm"),
  Command.withSubcommands([count, list, serve, speedup])
)
