/** Display filters select the same packets as tshark does, in captures of this package and of Wireshark's tools. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as DisplayFilter from "../../../src/capture/filter/DisplayFilter.ts"
import { captureDissectors, packetDissector } from "../../../src/cli/run/common/dissectors.ts"
import * as Traffic from "../../capture/dissect/Traffic.ts"

const execFile = promisify(ChildProcess.execFile)

const missing = ["tshark", "text2pcap", "mergecap"].filter(
  (command) => ChildProcess.spawnSync(command, ["--version"]).error !== undefined
)

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))
afterAll(() => Fs.rmSync(folder, { recursive: true }))

const run = async (...args: ReadonlyArray<string>) =>
  (await execFile("tshark", ["-n", ...args], { maxBuffer: 2 ** 27 })).stdout

/** Returns the numbers of the packets that tshark selects. */
const tshark = async (file: string, filter: string) =>
  (await run("-r", file, "-Y", filter, "-T", "fields", "-e", "frame.number"))
    .split("\n")
    .filter((line) => line !== "")
    .map(Number)

/**
 * Returns the numbers of the packets that each of several filters selects, with one process. The statistics of tshark
 * count the packets of an interval for each filter, and an interval has one packet here. Commas separate the filters.
 */
const tsharkOfEach = async (
  file: string,
  filters: ReadonlyArray<string>
): Promise<ReadonlyArray<ReadonlyArray<number>>> => {
  const interval = Traffic.spacingMicros / 1e6
  const stdout = await run("-q", "-r", file, "-z", `io,stat,${interval},${filters.join(",")}`)
  const rows = stdout
    .split("\n")
    .filter((line) => line.includes("<>") && !line.includes("Interval"))
    .map((line) =>
      line
        .split("|")
        .slice(2, -1)
        .filter((_, at) => at % 2 === 0)
        .map(Number)
    )
  assert.isAbove(rows.length, 0, stdout)
  // The last interval ends where it begins, and is left out.
  return filters.map((_, at) => rows.flatMap((counts, row) => (counts[at] === 0 ? [] : [row + 1])))
}

/** Returns the numbers of the packets that a filter of this package selects. */
const ours = (file: string, text: string) => {
  const filter = Result.getOrThrow(DisplayFilter.parse(text, { protocols: captureDissectors }))
  const dissect = packetDissector()
  return Traffic.read(Fs.readFileSync(file))
    .filter((packet) => DisplayFilter.matches(filter, packet, dissect(packet)))
    .map(({ number }) => number)
}

const filters: ReadonlyArray<string> = [
  "frame",
  "eth",
  "vlan",
  "arp",
  "ip",
  "ipv6",
  "icmp",
  "icmpv6",
  "tcp",
  "udp",
  "dns",
  "mdns",
  "dhcp",
  "tftp",
  "http",
  "tls",
  "ntp",
  "eth.addr == 02:00:00:00:00:01",
  "eth.src == 02:00:00:00:00:01",
  "eth.dst == ff:ff:ff:ff:ff:ff",
  "eth.dst != ff:ff:ff:ff:ff:ff",
  "eth.addr in {ff:ff:ff:ff:ff:ff, 02:00:00:00:00:03}",
  "vlan.id",
  "vlan.id == 7",
  "vlan.id <= 7",
  "frame.number in {3..9, 20}",
  "frame.len > 200",
  "frame.cap_len <= 60",
  "frame.time_relative >= 5 && frame.time_relative < 9.25",
  "frame.time_epoch == 1700000002.25",
  "frame.time_delta > 0.2",
  "ip.addr == 10.0.0.53",
  "ip.src == 10.0.0.0/8",
  "ip.dst != 10.0.0.1",
  "ip.addr != 10.0.0.1",
  "not ip.addr == 10.0.0.1",
  "ip.addr in {10.0.0.53, 10.0.0.254, 224.0.0.0/4}",
  "ip.src in {10.0.0.2 .. 10.0.0.53}",
  "ip.src not in {10.0.0.1, 10.0.0.2}",
  "ip.src > 10.0.0.2",
  "ip.ttl < 64",
  "ip.ttl == 254",
  "ip.proto == 17",
  "ip.proto in {1, 6}",
  "ip.src == ip.dst",
  "ip.addr == 198.51.100.9",
  "ipv6.addr == 2001:db8::1",
  "ipv6.src == 2001:db8::/32",
  "ipv6.dst == ff02::1",
  "ipv6.hlim == 255",
  "ipv6.addr != 2001:db8::1",
  "tcp.port == 80",
  "tcp.port != 80",
  "!(tcp.port == 80)",
  "tcp.dstport == 443 or tcp.srcport == 443",
  "tcp.srcport > 40000",
  "tcp.port in {443, 4433, 1500..1600}",
  "tcp.port not in {80, 443}",
  "tcp.srcport < tcp.dstport",
  "tcp.dstport eq 0x50",
  "tcp.flags == 0x12",
  "tcp.flags.syn == 1",
  "tcp.flags.syn == 1 and tcp.flags.ack == 0",
  "tcp.flags.syn and not tcp.flags.ack == 1",
  "tcp.flags & 0x02",
  "tcp.flags & 0x11 == 0x11",
  "tcp.flags & 0x12 != 0x12",
  "tcp.flags.reset == 1",
  "tcp.flags.fin == 1",
  "tcp.flags.push == 1",
  "tcp.flags.urg == 1",
  "tcp.len > 0",
  "tcp.len == 0",
  "tcp.hdr_len == 28",
  "tcp.seq == 1",
  "tcp.ack == 1",
  "tcp.seq > 40 && tcp.seq <= 400",
  "tcp.ack >= 100",
  "tcp.seq_raw == 1000",
  "tcp.ack_raw > 5000",
  "tcp.window_size_value == 0",
  "tcp.window_size_value ge 512",
  "tcp.stream == 0",
  "tcp.stream in {1, 3..5}",
  "tcp.stream ne 2",
  'tcp.payload contains "HTTP/1.1"',
  "tcp.payload contains 16:03:01",
  'tcp.payload matches "^(get|put) /"',
  "udp.port == 53",
  "udp.srcport == 67",
  "udp.dstport in {67, 68, 69}",
  "udp.length == 12",
  "udp.length > 100",
  "udp.stream == 1",
  'tcp contains "GET"',
  'udp matches "WWW.example"',
  "http.host == www.example.com",
  'http.host > "b"',
  "http.request.method == GET",
  "tcp.srcport & 0xff == 64",
  "tcp.port == 0120",
  "tcp.port == 0b1010000",
  'tcp.payload contains "\\x0d\\x0aHost"',
  "dhcp.hw.mac_addr == 02-00-00-00-00-01",
  "!tcp.port == 80 and tcp",
  'dns.qry.name matches r"\\.net$"',
  "udp.stream > 3",
  'udp.payload contains "example"',
  "udp.port == 33434",
  "udp.length < 20 or tcp.len in {1..20}",
  "tftp.opcode == 1",
  "tftp.opcode in {3, 4}",
  "tftp.block == 1",
  "tftp.block > 0",
  'tftp.source_file == "boot/x64.efi"',
  'tftp.destination_file == "boot/x64.efi"',
  'tftp.destination_file contains "upload"',
  "tftp.error.code == 1",
  'tftp.option.name == "blksize"',
  'tftp.option.value == "1428"',
  "tftp.source_file",
  'tftp.type == "octet"',
  'tftp.error.message contains "not"',
  'dns.qry.name == "www.example.com"',
  'dns.qry.name contains "example"',
  'dns.qry.name matches "\\\\.net$"',
  "dns.flags.response == 1",
  "dns.flags.response == 0",
  "dns.flags.rcode == 3",
  "dns.flags.rcode != 0",
  "dns.id == 0x1234",
  "dns.id == 3",
  "dns.qry.type == 28",
  "dns.qry.type in {1, 16}",
  "dns.a == 192.0.2.1",
  "dns.a == 192.0.2.0/24",
  "dns.aaaa == 2001:db8::7",
  'dns.cname == "alias.example.org"',
  "dns.count.answers > 1",
  "dns.count.queries == 1",
  "dns.flags.recdesired == 1",
  "dns.flags.authoritative == 1",
  "dns.resp.type == 41",
  'dns.resp.name == "www.example.com"',
  "dns.flags.opcode == 0",
  "dns.flags & 0x8000",
  "dns.flags.truncated == 1",
  "http.request",
  "http.response",
  'http.request.method == "GET"',
  'http.request.method in {"HEAD", "POST"}',
  "http.response.code == 200",
  "http.response.code >= 400",
  "http.response.code in {200..299}",
  'http.host == "www.example.com"',
  'http.host contains "b"',
  'http.user_agent matches "TEST"',
  'http.request.uri == "/index.html"',
  'http.request.version == "HTTP/1.0"',
  "http.content_length > 1",
  'http.content_type contains "text"',
  'http.location == "/x"',
  'http.server == "s"',
  "http and tcp.port == 9999",
  "http && !http.request",
  'http.transfer_encoding == "chunked"',
  'http.response.phrase == "Not Found"',
  "tls.handshake.type == 1",
  "tls.handshake.type == 2",
  'tls.handshake.extensions_server_name == "server"',
  "tls.handshake",
  "tls.handshake.version == 0x0303",
  "tls.record.version == 0x0301",
  "tls.handshake.extensions.supported_version == 0x0304",
  "tls.handshake.ciphersuite == 0x1301",
  "tls.handshake.extension.type == 0",
  "tls and tcp.port == 4433",
  "dhcp.option.dhcp == 1",
  "dhcp.option.dhcp in {2, 5}",
  "dhcp.type == 2",
  "dhcp.id == 0xdeadbeef",
  "dhcp.ip.your == 10.0.0.77",
  "dhcp.hw.mac_addr == 02:00:00:00:00:01",
  'dhcp.option.vendor_class_id contains "PXEClient"',
  'dhcp.option.tftp_server_name == "10.0.0.2"',
  'dhcp.option.bootfile_name contains "x64"',
  "dhcp.option.client_system_architecture == 7",
  "dhcp.option.requested_ip_address == 10.0.0.77",
  "dhcp.option.dhcp_server_id == 10.0.0.2",
  "dhcp.option.ip_address_lease_time == 3600",
  'dhcp.option.hostname == "node7"',
  "dhcp.option.router == 10.0.0.254",
  "dhcp.option.type == 97",
  "dhcp.flags.bc == 1",
  'dhcp.file == "boot/x64.efi"',
  "dhcp.secs == 4",
  "icmp.type == 8",
  "icmp.type in {3, 11}",
  "icmp.code == 3",
  "icmp.ident == 9",
  "icmp.seq == 1",
  "icmp && udp",
  "icmpv6.type == 128",
  "icmpv6.code == 4",
  "icmpv6.echo.identifier == 3",
  "icmp and tcp.port == 443",
  "arp.opcode == 1",
  "arp.opcode == 2",
  "arp.src.proto_ipv4 == 10.0.0.1",
  "arp.dst.proto_ipv4 == 10.0.0.2",
  "arp.src.hw_mac == 02:00:00:00:00:01",
  "ntp.flags.mode == 3",
  "ntp.stratum == 2",
  "ntp.flags.vn == 4",
  "ntp.ppoll == 6",
  "tcp or udp and ip.src == 10.0.0.2",
  "(tcp or udp) and ip.src == 10.0.0.2",
  "not tcp and not udp",
  "!arp && !(ip || ipv6)",
  "not not dns",
  "dns or tftp and not dhcp"
]

const [listed, plain] = [
  filters.filter((filter) => filter.includes(",")),
  filters.filter((filter) => !filter.includes(","))
]

/** Filters of which one process counts the packets. */
const batchSize = 60

const [request, reply] = ["10.1.0.1,10.1.0.2", "10.1.0.2,10.1.0.1"]

/** Payloads to which text2pcap adds headers, with its options. */
const payloads: ReadonlyArray<readonly [options: ReadonlyArray<string>, payload: Uint8Array]> = [
  [["-u", "5000,53", "-4", request], Traffic.dns(7, 0x0100, "www.example.com", 1)],
  [["-u", "53,5000", "-4", reply], Traffic.dns(7, 0x8183, "www.example.com", 1)],
  [["-u", "68,67", "-4", request], Traffic.dhcp(1, { 53: [1] })],
  [["-u", "3000,69", "-4", request], Buffer.from("\0\x01file\0octet\0")],
  [["-u", "45000,3000", "-4", reply], Buffer.from("\0\x03\0\x01data")],
  [["-T", "4000,80", "-4", request], Buffer.from("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")],
  [["-T", "80,4000", "-4", reply], Buffer.from("HTTP/1.1 204 No Content\r\n\r\n")],
  [["-T", "4001,443", "-4", request], Traffic.clientHello],
  [["-i", "1", "-4", request], Buffer.from("0800f7fe00000001", "hex")],
  [["-i", "200", "-4", request], Buffer.from("whatever")]
]

const formattedFilters: ReadonlyArray<string> = [
  ...["dns", "dns.flags.rcode == 3", "dhcp", "tftp", "tftp.block == 1", "http", "http.response.code == 204", "tls"],
  ...["tls.handshake.extensions_server_name", "icmp.type == 8", "ip.proto == 200", "tcp.stream == 1", "tcp.seq == 1"],
  ...["udp.length > 20 or tcp.len > 100", "ip.src == 10.0.0.0/8", "frame.len < 60", "udp.stream == 2", "tcp.flags & 2"]
]

describe.skipIf(missing.length > 0)(
  `display filters${missing.length > 0 ? ` (missing: ${missing.join(", ")})` : ""}`,
  () => {
    const file = Path.join(folder, "traffic.pcap")
    Fs.writeFileSync(file, Traffic.file())
    const frameCount = Traffic.frames().length

    /** Asserts that filters select the given packets. */
    const assertSelected = (
      filters: ReadonlyArray<string>,
      expected: ReadonlyArray<ReadonlyArray<number>>,
      path = file,
      isCounted: (number: number) => boolean = () => true
    ) =>
      assert.deepStrictEqual(
        filters.map((filter) => ({ filter, packets: ours(path, filter).filter(isCounted) })),
        filters.map((filter, at) => ({ filter, packets: expected[at] }))
      )

    it("have the names of Wireshark's fields, but for a few", async () => {
      const { stdout } = await execFile("tshark", ["-G", "fields"], { maxBuffer: 2 ** 27 })
      const known = new Set(stdout.split("\n").map((line) => line.split("\t")[2]))
      const own = DisplayFilter.fields().filter(({ name }) => !known.has(name))
      assert.deepStrictEqual(
        own.map(({ name }) => name),
        ["problem", "note"]
      )
    })

    it("are many, and nearly each selects packets", () => {
      assert.isAtLeast(new Set(filters).size, 150)
      const empty = filters.filter((filter) => ours(file, filter).length === 0)
      assert.deepStrictEqual(empty, ["dns.flags.truncated == 1"])
    })

    for (let first = 0; first < plain.length; first += batchSize) {
      const batch = plain.slice(first, first + batchSize)
      it(`select what tshark selects: ${batch[0]}, and ${batch.length - 1} others`, async () =>
        assertSelected(batch, await tsharkOfEach(file, batch), file, (number) => number < frameCount))
    }

    it.each(listed)("select what tshark selects: %s", async (filter) =>
      assertSelected([filter], [await tshark(file, filter)])
    )

    it("select what tshark selects of a capture that text2pcap has made", async () => {
      const parts = payloads.map(([options, payload], at) => {
        const [dump, part] = ["txt", "pcap"].map((kind) => Path.join(folder, `part${at}.${kind}`)) as [string, string]
        Fs.writeFileSync(dump, `000000 ${Buffer.from(payload).toString("hex").replaceAll(/../g, "$& ")}\n`)
        ChildProcess.execFileSync("text2pcap", ["-q", ...options, dump, part], { stdio: "ignore" })
        return part
      })
      const path = Path.join(folder, "formatted.pcapng")
      ChildProcess.execFileSync("mergecap", ["-a", "-w", path, ...parts])
      assert.lengthOf(ours(path, "frame"), payloads.length)
      for (const filter of formattedFilters) assertSelected([filter], [await tshark(path, filter)], path)
    })
  }
)
