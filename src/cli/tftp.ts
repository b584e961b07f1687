import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

const blksize = [8, 65_464] as const
const windowsize = [1, 32_767] as const

const serve = Command.make(
  "serve",
  {
    root: flags.text("tftp", "root", "DIR", "The directory to serve; nothing outside of it can be read or written"),
    host: flags.host("tftp"),
    port: flags.port("tftp", 69),
    write: flags.choice(
      "tftp",
      "write",
      ["create", "overwrite"],
      "Take uploads: create for new files only, overwrite also for those that exist (default: none)"
    ),
    user: flags.optionalText(
      "tftp",
      "user",
      "NAME",
      "Become this user once the port is bound, before anything is served"
    ),
    ports: flags.portRange("tftp", "Ports for transfers, for firewalls (default any)"),
    singlePort: flags.toggle("tftp", "single-port", "Transfers stay on the port of the server, for clients behind NAT"),
    blksize: flags.integer("tftp", "blksize", ...blksize, "The largest block granted, in bytes (default 65464)"),
    windowsize: flags.integer("tftp", "windowsize", ...windowsize, "The largest window granted (default 64)"),
    mtu: flags.integer("tftp", "mtu", 68, 65_535, "Grant no block that this link would cut into fragments"),
    maxTransfers: flags.positiveInteger(
      "tftp",
      "max-transfers",
      "Transfers at a time (default 1024, or what descriptors allow)"
    ),
    maxTransfersPerClient: flags.positiveInteger(
      "tftp",
      "max-per-client",
      "Transfers at a time with one address (default any)"
    ),
    deadline: flags.duration("tftp", "deadline", "The longest a transfer may take (default 24h)"),
    threads: flags.integer("tftp", "threads", 1, 64, "Threads that run the transfers, to use more cores (default 1)"),
    perClient: flags.choice(
      "tftp",
      "per-client",
      ["first", "only"],
      "Look into a folder named after the client's address: first, then the root; or there only"
    ),
    ignoreCase: flags.toggle("tftp", "ignore-case", "Find files whose names differ only by case"),
    maxFileSize: flags.bytes("tftp", "max-file-size", "The largest upload (default any)"),
    quota: flags.bytes("tftp", "quota", "All files below the root together, after an upload (default any)"),
    free: flags.bytes("tftp", "free", "What must stay free on the disk (default 0)"),
    sync: flags.toggle("tftp", "sync", "Acknowledge an upload only when the disk has it"),
    drain: flags.duration("tftp", "drain", "What a stopping server gives to transfers in progress (default 5s)"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/tftp/serve.ts"),
      (run) => run.serve(input)
    )
).pipe(
  Command.withDescription("Serve a directory over TFTP, read-only unless --write says otherwise"),
  Command.withExamples([
    { command: "effect-inet tftp serve --root . --port 6969", description: "This folder, for this machine" },
    {
      command: "effect-inet tftp serve --root /srv/tftp --host :: --user nobody",
      description: "Network boot, as root: the port is bound, then the rights are dropped"
    },
    {
      command: "effect-inet tftp serve --root /srv/backup --host :: --write create --max-file-size 64M",
      description: "Switches and routers leave their configuration here"
    }
  ])
)

/** What both ways of a transfer have in common. */
export const transfer = {
  blksize: flags.integer(undefined, "blksize", ...blksize, "Bytes of a block to ask for (default 1428)"),
  windowsize: flags.integer(undefined, "windowsize", ...windowsize, "Blocks to an acknowledgement (default 64)"),
  timeout: flags.duration(undefined, "timeout", "Send again after so long (default: as the round trip suggests)"),
  retries: flags.integer(
    undefined,
    "retries",
    0,
    1_000,
    "How often the same is sent again (default 9, or 5 with --timeout)"
  )
}

const url = (about: string) =>
  Argument.String("url").pipe(Argument.withDescription(`tftp://HOST[:PORT]/PATH[;mode=netascii], ${about}`))

const get = Command.make(
  "get",
  {
    url: url("the file to fetch"),
    output: Flag.String("output").pipe(
      Flag.withAlias("o"),
      Flag.withMetavar("FILE"),
      Flag.withDescription("Where to, - for standard output (default: the same name, in the current folder)"),
      Flag.optional,
      Flag.map(Option.getOrUndefined)
    ),
    ...transfer,
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/tftp/get.ts"),
      (run) => run.get(input)
    )
).pipe(
  Command.withDescription("Fetch a file from a TFTP server; what is there is replaced when all has arrived"),
  Command.withExamples([
    { command: "effect-inet tftp get tftp://192.0.2.1/boot/vmlinuz", description: "Into vmlinuz" },
    { command: "effect-inet tftp get tftp://[::1]:6969/f -o - | sha256sum", description: "To another program" },
    {
      command: "effect-inet tftp get 'tftp://192.0.2.1/notes;mode=netascii'",
      description: "Text, line ends translated"
    }
  ])
)

const put = Command.make(
  "put",
  {
    file: Argument.String("file").pipe(Argument.withDescription("The file to send, - for standard input")),
    url: url("where to; after a / the file keeps its name"),
    ...transfer,
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/tftp/put.ts"),
      (run) => run.put(input)
    )
).pipe(
  Command.withDescription("Send a file to a TFTP server; done means that the server has acknowledged all of it"),
  Command.withExamples([
    { command: "effect-inet tftp put firmware.bin tftp://192.0.2.1/", description: "As firmware.bin" },
    { command: "tar c . | effect-inet tftp put - tftp://192.0.2.1/backup.tar", description: "From another program" }
  ])
)

export const command = Command.make("tftp").pipe(
  Command.withDescription("The TFTP service: server and client"),
  Command.withSubcommands([serve, get, put])
)
