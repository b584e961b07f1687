/** The command tree of `effect-inet`. Only the modules of commands that a command line names are loaded. */
import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"

/** The commands in the order of the help, each with the description that its module has, too. */
export const commands = {
  up: {
    description: "Run all services, or those of a configuration file, in one process, and restart those that fail",
    load: () => import("./up.ts")
  },
  rot13: { description: "The rot13 service: server and client", load: () => import("./rot13.ts") },
  tftp: { description: "TFTP server and client", load: () => import("./tftp.ts") },
  rcat: {
    description: "Print a file of a TFTP server to standard output",
    load: async () => ({ command: (await import("./tftp.ts")).rcat })
  },
  hangman: { description: "Hangman: server, client and scoreboard", load: () => import("./hangman.ts") },
  guess: { description: "Number guessing: server and client", load: () => import("./guess.ts") },
  board: { description: "The shared board: server and client", load: () => import("./board.ts") },
  primes: { description: "Count and list primes on a processor farm", load: () => import("./primes.ts") },
  farm: {
    description: "A farm on a cluster: hosts, workers and runs, with a PostgreSQL database",
    load: () => import("./cluster/farm.ts")
  },
  status: {
    description: "Show the peers on the network and their status; cursor keys move your name",
    load: () => import("./status.ts")
  },
  "status-of": {
    description:
      "Show the services of a running server or of up, from its admin server; exits with 1 unless all are ready",
    load: () => import("./statusOf.ts")
  },
  resolve: {
    description: "Resolve a host and a service to socket addresses, best first (getaddrinfo, RFC 6724)",
    load: () => import("./resolve.ts")
  },
  connect: {
    description: "Connect to any server over TCP, UDP or a unix socket, and copy standard input and output (nc)",
    load: () => import("./connect.ts")
  },
  listen: {
    description:
      "Serve a client over TCP, UDP or a unix socket from standard input and output, or by a command (nc -l)",
    load: () => import("./listen.ts")
  },
  services: {
    description: "Look up services by name or port (getservbyname, getservbyport)",
    load: () => import("./services.ts")
  },
  sockets: {
    description: "Show the sockets of this host with their processes and services (ss, lsof -i); Linux only",
    load: () => import("./inspect/sockets.ts")
  },
  scan: {
    description: "Scan the ports of hosts: open, closed or filtered, and which services they have (nmap)",
    load: () => import("./inspect/scan.ts")
  },
  demo: { description: "Small demonstrations of network programming", load: () => import("./demo.ts") },
  capture: {
    description: "Capture packets, and read packet captures, such as the files written by --capture",
    load: () => import("./capture.ts")
  },
  impair: {
    description: "Impair the network between any two programs: a UDP and TCP proxy with a fault plan",
    load: () => import("./impair.ts")
  }
}

/** Commands that serve until the process is requested to end. A test compares them with the flags of the commands. */
export const servers: ReadonlySet<string> = new Set([
  "up",
  "rot13 serve",
  "tftp serve",
  "hangman serve",
  "guess serve",
  "board serve",
  "primes serve",
  "farm serve",
  "farm work",
  "status",
  "listen",
  "impair"
])

/** Servers that read files again at each SIGHUP, also without a configuration file. */
const reloadingServers: ReadonlySet<string> = new Set(["tftp serve", "impair"])

/** Returns whether a command line runs one of several commands. */
const runsOneOf = (names: ReadonlySet<string>, args: ReadonlyArray<string>): boolean => {
  const isValue = (at: number) => args[at - 1]?.startsWith("-") === true && !args[at - 1]!.includes("=")
  const [command = "", subcommand = ""] = args.filter((arg, at) => !arg.startsWith("-") && !isValue(at))
  return names.has(command) || names.has(`${command} ${subcommand}`)
}

/** Commands other than servers that run until the process is requested to end. */
const endless: ReadonlySet<string> = new Set(["capture run"])

/**
 * Returns whether a command line runs a server, or another command that has not failed when it is requested to end. A
 * look at the peers, `status --once`, is none. `capture run` is what the command is that it runs.
 */
export const isServer = (args: ReadonlyArray<string>): boolean => {
  if (!runsOneOf(endless, args)) return runsOneOf(servers, args) && !args.includes("--once")
  const end = args.indexOf("--")
  return end < 0 || isServer(args.slice(end + 1))
}

/** Returns whether a command line runs a server that reloads at SIGHUP, whether or not it has a configuration file. */
export const reloadsAlways = (args: ReadonlyArray<string>): boolean => runsOneOf(reloadingServers, args)

/** Global flags whose output covers every command. */
const wholeTree = /^--(?:completions|wizard)(?:=|$)/

/** Returns the arguments that may name the command: the first that is not the value of a flag, and those before it. */
const candidates = (args: ReadonlyArray<string>) => {
  const isName = (arg: string, at: number) => Object.hasOwn(commands, arg) && args[at - 1]?.startsWith("-") !== true
  const last = args.findIndex(isName)
  return last === -1 ? args : args.slice(0, last + 1)
}

/**
 * Returns the command tree for a command line. A command that the arguments do not name has no flags and no program:
 * the help lists it, and nothing else can reach it.
 */
export const load = async (args: ReadonlyArray<string>) => {
  const whole = args.some((arg) => wholeTree.test(arg))
  const named = candidates(args)
  const subcommands = await Promise.all(
    Object.entries(commands).map(async ([name, { description, load }]) =>
      whole || named.includes(name)
        ? (await load()).command
        : Command.make(name).pipe(Command.withDescription(description))
    )
  )
  return Command.make("effect-inet").pipe(
    Command.withDescription("Classic Unix network services, written as Effect programs"),
    Command.withExamples([
      { command: "effect-inet up", description: "Run all services, for clients on this machine" },
      { command: "effect-inet rot13 send localhost rot13 Hello", description: "Be a client of one of them" },
      { command: "effect-inet --completions bash", description: "Print a script that completes commands in bash" }
    ]),
    Command.withSubcommands(subcommands),
    Command.withGlobalFlags(flags.globalFlags)
  )
}
