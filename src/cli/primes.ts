import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

const about = "A..B has A and not B, A..=B has both, B alone is 0..=B; numbers as in 10_000, 1e10, 2^53"

const range = Argument.String("range").pipe(Argument.withDescription(about))

const kernel = flags.choice(
  "primes",
  "kernel",
  ["wasm", "segmented", "trial"],
  "How to find them: wasm is the fastest, trial divides as the course does (default wasm)"
)

const key = flags.optionalText(
  "primes",
  "key",
  "KEY",
  "A secret that farm and servers share; in PRIMES_KEY others on this machine do not see it (default none)"
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
      "Threads of this process that count (default: one a processor, or none where there are --hosts)"
    ),
    packets: flags.positiveInteger(undefined, "packets", "Cut the range into so many (default: as takes 100 ms each)"),
    hosts: flags.optionalText("primes", "hosts", "HOST[:PORT],...", "Servers that count, too (default none)"),
    dialect: flags.choice("primes", "dialect", ["course"], "Talk to --hosts as the course's client does"),
    key,
    checkpoint: flags.optionalText(
      "primes",
      "checkpoint",
      "FILE",
      "Where a run that was ended goes on when it is started again; gone when all is counted"
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
      description: "Two servers, and two threads here"
    },
    {
      command: "effect-inet primes count 1e15..=1000001e9 --checkpoint run.json",
      description: "Goes on after Ctrl-C, or after a crash"
    }
  ])
)

const list = Command.make("list", { range, kernel }, (input) =>
  lazyCommand(
    () => import("./run/primes/list.ts"),
    (run) => run.list(input)
  )
).pipe(
  Command.withDescription("List the primes of a range, one a line, as fast as they are read"),
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
      "Tell the course's clients what its servers did, with 0 and 1 as primes (default: what is right)"
    ),
    threads: flags.integer("primes", "threads", 1, 1_024, "Threads that count (default: one a processor)"),
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
    { command: "PRIMES_KEY=secret effect-inet primes serve --host ::", description: "For a farm that knows the key" },
    { command: "effect-inet primes serve --dialect course", description: "664581 primes below 10^7" }
  ])
)

const speedup = Command.make(
  "speedup",
  {
    range: flags.optionalArgument("range", `${about} (default: what takes one thread some seconds)`),
    workers: flags.integer(undefined, "workers", 1, 64, "From one thread to so many (default: one a processor)"),
    kernel,
    svg: flags.optionalText("primes", "svg", "FILE", "Draw the plot into this file, too"),
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
    { command: "effect-inet primes speedup --svg speedup.svg", description: "What the processors of this machine add" }
  ])
)

export const command = Command.make("primes").pipe(
  Command.withDescription("Primes, counted by a farm of processors"),
  Command.withSubcommands([count, list, serve, speedup])
)
