import { commandGroup } from "./common/commandGroup.ts"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import * as operationsFlags from "./common/operationsFlags.ts"

const blksize = [8, 65_464] as const
const windowsize = [1, 32_767] as const

/** The options that a server negotiates, for `--refuse`. */
export const optionNames = ["blksize", "windowsize", "timeout", "utimeout", "tsize", "rollover"] as const

/** Limits of `tftp serve`, named as in `TftpServer`; a running server changes them at SIGHUP. */
export const limitFlags = {
  blksize: flags.integer("tftp", "blksize", ...blksize, "Largest block granted, in bytes (default 65464)"),
  windowsize: flags.integer("tftp", "windowsize", ...windowsize, "Largest window granted, in blocks (default 64)"),
  mtu: flags.integer(
    "tftp",
    "mtu",
    68,
    65_535,
    "MTU of the link, in bytes: grant no block that would be fragmented (default: off)"
  ),
  refuse: flags.words("tftp", "refuse", "OPTION", optionNames, "Ignore these options, for clients that fail with them"),
  allow: flags.networks("tftp", "allow", "Serve only clients in these networks (default: all)"),
  deny: flags.networks("tftp", "deny", "Refuse clients in these networks, also those that --allow lists"),
  timeout: flags.positiveDuration(
    "tftp",
    "timeout",
    "Retransmission timeout for clients that ask for none (default: adapted to the round trip time)"
  ),
  retries: flags.integer(
    "tftp",
    "retries",
    0,
    1_000,
    "Retransmissions of one packet to a client that has replied (default 9; 5 with --timeout, or if the client sets it)"
  ),
  maxTransfers: flags.positiveInteger(
    "tftp",
    "max-transfers",
    "Most concurrent transfers; clients that have not replied yet give way (default 1024, or as file descriptors allow)"
  ),
  maxTransfersPerClient: flags.positiveInteger(
    "tftp",
    "max-per-client",
    "Most concurrent transfers with one client address (default: no limit)"
  ),
  deadline: flags.duration("tftp", "deadline", "Longest duration of a transfer (default 24h)"),
  drain: flags.duration("tftp", "drain", "Time that a stopping server gives to transfers in progress (default 5s)")
}

/** Flags of `tftp serve` for the server behind it. */
const fallbackFlags = {
  fallback: flags.optionalText(
    "tftp",
    "fallback",
    "URL",
    "Folder of another server, http://, https:// or tftp://, with the files that are missing here"
  ),
  fallbackCache: flags.optionalText(
    "tftp",
    "fallback-cache",
    "DIR",
    "Keep the files of --fallback in this folder, outside of the root (default: keep none)"
  ),
  fallbackCacheSize: flags.bytes(
    "tftp",
    "fallback-cache-size",
    "Size of --fallback-cache; files that were not used for the longest time are removed (default 1G)"
  ),
  fallbackTtl: flags.duration(
    "tftp",
    "fallback-ttl",
    "Time after which the server of --fallback is asked if a kept file has changed (default 5m)"
  ),
  fallbackTimeout: flags.positiveDuration(
    "tftp",
    "fallback-timeout",
    "Longest wait for a reply of the server of --fallback, and for more bytes (default 10s)"
  ),
  fallbackMaxFileSize: flags.bytes("tftp", "fallback-max-file-size", "Largest file to fetch (default 4G)"),
  fallbackMaxFetches: flags.positiveInteger(
    "tftp",
    "fallback-max-fetches",
    "Most concurrent fetches from --fallback (default 64)"
  )
}

/** Flags of `tftp serve` for the program that runs after an upload. */
const uploadHookFlags = {
  onUpload: flags.optionalText(
    "tftp",
    "on-upload",
    "COMMAND",
    "Program to run after each upload, without arguments; TFTP_FILE, TFTP_PATH and others describe the upload"
  ),
  onUploadMax: flags.positiveInteger("tftp", "on-upload-max", "Most programs of --on-upload at a time (default 4)"),
  onUploadTimeout: flags.positiveDuration(
    "tftp",
    "on-upload-timeout",
    "Time after which a program of --on-upload is killed, with its children (default 1m)"
  )
}

/** Flags of `tftp serve` for the files that clients write. */
const uploadFlags = {
  replace: flags.choice(
    "tftp",
    "replace",
    ["atomic", "in-place", "auto"],
    "How uploads replace files: atomic by a rename, in-place by writing into the file at the end, auto by a rename where that keeps owner, mode and links (default auto)"
  ),
  spool: flags.optionalText(
    "tftp",
    "spool",
    "DIR",
    "Folder of unfinished uploads that cannot be beside the file they replace (default: the system's temporary folder)"
  ),
  uploadRoot: flags.optionalText(
    "tftp",
    "upload-root",
    "DIR",
    "Directory of uploads; what is in it can be read only if it is inside the root (default: the root)"
  ),
  mkdirs: flags.toggle("tftp", "mkdirs", "Create missing folders of uploads, up to 8 levels"),
  umask: flags.umask("tftp", "umask", "Permissions that new files and folders do not get (default 022)"),
  permissions: flags.fileMode("tftp", "permissions", "Permissions of new files (default: 666 without the umask)")
}

/** Flags of `tftp serve`. */
export const serveFlags = {
  root: flags.text(
    "tftp",
    "root",
    "DIR",
    "Directory to serve; nothing outside of it is reachable, unless --follow-symlinks all"
  ),
  host: flags.host("tftp"),
  port: flags.port("tftp", 69),
  write: flags.choice(
    "tftp",
    "write",
    ["existing", "create", "overwrite"],
    "Accept uploads: existing only over existing files, create only as new files, overwrite both (default: read-only)"
  ),
  ...uploadFlags,
  ports: flags.portRange("tftp", "Range of ports for transfers, for firewalls (default: any)"),
  singlePort: flags.toggle(
    "tftp",
    "single-port",
    "Run all transfers on the port of the server, for clients behind NAT"
  ),
  ...limitFlags,
  threads: flags.integer(
    "tftp",
    "threads",
    1,
    64,
    "Number of threads that run the transfers, to use more cores (default 1)"
  ),
  rules: flags.optionalText(
    "tftp",
    "rules",
    "FILE",
    "Rename or refuse requested names by the rules of this file, as tftpd-hpa does with -m; read again at SIGHUP"
  ),
  checkRules: flags.optionalText(
    undefined,
    "check-rules",
    "NAME",
    "Print what each rule of --rules does with this name, and which file is read; then end"
  ),
  perClient: flags.choice(
    "tftp",
    "per-client",
    ["first", "only"],
    "Folder named after the client's address: look there first, then in the root; or only there"
  ),
  perClientBy: flags.choice(
    "tftp",
    "per-client-by",
    ["address", "mac"],
    "Name of the folder of --per-client: the IP address, or the MAC address such as aa-bb-cc-dd-ee-ff from the neighbour table of Linux, which has IPv4 only (default address)"
  ),
  ignoreCase: flags.toggle("tftp", "ignore-case", "Ignore case in the names of files to read"),
  followSymlinks: flags.choice(
    "tftp",
    "follow-symlinks",
    ["inside", "all"],
    "Symbolic links to follow for reads: those that stay inside the root, or all (default inside)"
  ),
  listing: flags.optionalText(
    "tftp",
    "listing",
    "NAME",
    "File name under which every folder has a text file that lists it (default: none)"
  ),
  maxFileSize: flags.bytes("tftp", "max-file-size", "Largest upload (default: no limit)"),
  quota: flags.bytes(
    "tftp",
    "quota",
    "Total size of all files below the folder of uploads, after an upload (default: no limit)"
  ),
  free: flags.bytes("tftp", "free", "Bytes that uploads must leave free on the disk (default 0)"),
  sync: flags.toggle("tftp", "sync", "Flush an upload to the disk (fsync) before acknowledging it"),
  ...fallbackFlags,
  ...uploadHookFlags,
  ...operationsFlags.operations("tftp"),
  json: flags.json("tftp")
}

const serve = lazyCommand({
  name: "serve",
  description: "Serve a directory over TFTP, read-only unless --write is given",
  examples: [
    ["effect-inet tftp serve --root . --port 6969", "The current folder, for this machine only"],
    [
      "effect-inet tftp serve --root /srv/tftp --host :: --user nobody",
      "Network boot: started as root, runs as nobody once the port is bound"
    ],
    [
      "effect-inet tftp serve --root /srv/backup --host :: --write create --max-file-size 64M",
      "Back up the configurations of switches and routers"
    ]
  ],
  flags: serveFlags,
  isStdoutFree: () => true,
  program: async () => {
    const { limitHeapGrowth } = await import("./run/common/NodeV8Flags.ts")
    // First: loading the server's modules from their sources can double the young generation once more.
    limitHeapGrowth()
    return (await import("./run/tftp/serve.ts")).serve
  }
})

/** The flags of a transfer in either direction. */
const transfer = {
  blksize: flags.integer("tftp", "blksize", ...blksize, "Block size to request, in bytes (default 1428)"),
  windowsize: flags.integer("tftp", "windowsize", ...windowsize, "Window to request, in blocks (default 64)"),
  timeout: flags.duration(
    "tftp",
    "timeout",
    "Time after which each packet is repeated, also that of the server if it grants the option (default: adapted to the round trip time)"
  ),
  retries: flags.integer(
    "tftp",
    "retries",
    0,
    1_000,
    "Retransmissions of one packet, then give up; a closed port ends nothing (default: as many as --patience allows)"
  ),
  patience: flags.positiveDuration(
    "tftp",
    "patience",
    "Give up after this time without a reply; a closed port ends nothing (default: 25s, or three times --timeout; a closed port ends it at once)"
  ),
  noOptions: flags.toggle(
    "tftp",
    "no-options",
    "Request neither block size, window nor size (default: leave them out after two requests to read, or four to write, without a reply)"
  )
}

const url = (about: string) => flags.argument("url", `tftp://HOST[:PORT]/PATH[;mode=netascii], ${about}`)

const get = lazyCommand({
  name: "get",
  description: "Read a file from a TFTP server; an existing output file is replaced when the transfer is complete",
  examples: [
    ["effect-inet tftp get tftp://192.0.2.1/boot/vmlinuz", "Write vmlinuz in the current folder"],
    ["effect-inet tftp get tftp://[::1]:6969/f -o - | sha256sum", "Pipe the file to another program"],
    ["effect-inet tftp get 'tftp://192.0.2.1/notes;mode=netascii'", "Convert the line ends of a text"]
  ],
  flags: {
    url: url("the file to read"),
    output: flags.optionalText(
      "tftp",
      "output",
      "FILE",
      "Output file, - for standard output (default: the same name, in the current folder)",
      "o"
    ),
    ...transfer,
    json: flags.json("tftp")
  },
  isStdoutFree: ({ output }) => output !== "-",
  program: async () => (await import("./run/tftp/get.ts")).get
})

const put = lazyCommand({
  name: "put",
  description: "Write a file to a TFTP server; succeeds when the server has acknowledged the last block",
  examples: [
    ["effect-inet tftp put firmware.bin tftp://192.0.2.1/", "Write firmware.bin on the server"],
    ["tar c . | effect-inet tftp put - tftp://192.0.2.1/backup.tar", "Write the output of another program"]
  ],
  flags: {
    file: flags.argument("file", "File to send, - for standard input"),
    url: url("the target; a path that ends with / keeps the name of the file"),
    ...transfer,
    json: flags.json("tftp")
  },
  isStdoutFree: () => true,
  program: async () => (await import("./run/tftp/put.ts")).put
})

/** The command `rcat`: a transfer without a file of this host. */
export const rcat = lazyCommand({
  name: "rcat",
  description: "Print a file of a TFTP server to standard output",
  examples: [
    ["effect-inet rcat 192.0.2.1 motd", "Print motd, from port 69"],
    ["effect-inet rcat localhost:6969 f | sha256sum", "Pipe the file to another program"]
  ],
  flags: {
    host: flags.argument("host", "HOST or HOST:PORT of the server (default port 69)"),
    file: flags.argument("file", "File name on the server, of any bytes"),
    ...transfer
  },
  program: async () => {
    const { rcat } = await import("./run/tftp/get.ts")
    return (input) => rcat({ ...input, json: false })
  }
})

export const command = commandGroup("tftp", "TFTP server and client", [serve, get, put])
