/** Built-in services: common ones, for hosts without a services file, and those of this package. */

/** A named port (struct servent). @category models @since 0.1.0 */
export interface Service {
  readonly name: string
  readonly aliases: ReadonlyArray<string>
  /** Port number, 0 to 65535, in host order. */
  readonly port: number
  /** Protocol: `tcp`, `udp`, or another name from the file. */
  readonly protocol: string
}

type Row = readonly [name: string, port: number, protocols: string, aliases?: string]

const expand = (rows: ReadonlyArray<Row>): ReadonlyArray<Service> =>
  rows.flatMap(([name, port, protocols, aliases]) =>
    protocols.split(" ").map((protocol) => ({ name, aliases: aliases?.split(" ") ?? [], port, protocol }))
  )

/**
 * Services of this package. An entry of the services file with the same name has precedence.
 *
 * @category constants
 * @since 0.1.0
 */
export const packageServices: ReadonlyArray<Service> = expand([
  ["rot13", 1067, "tcp udp"],
  ["hangman", 1066, "tcp"],
  ["board", 1069, "tcp"],
  ["primes", 1070, "tcp"],
  ["guess", 1500, "tcp"],
  ["status", 2066, "udp"]
])

/** Other ports of well-known services in this package: TFTP's own port, 69, needs root. */
export const alternativePorts: ReadonlyArray<Service> = expand([["tftp", 6969, "udp"]])

/** Common services, for a host without a services file. @category constants @since 0.1.0 */
export const builtIn: ReadonlyArray<Service> = expand([
  ["tcpmux", 1, "tcp"],
  ["echo", 7, "tcp udp"],
  ["discard", 9, "tcp udp", "sink null"],
  ["systat", 11, "tcp", "users"],
  ["daytime", 13, "tcp udp"],
  ["netstat", 15, "tcp"],
  ["qotd", 17, "tcp", "quote"],
  ["chargen", 19, "tcp udp", "ttytst source"],
  ["ftp-data", 20, "tcp"],
  ["ftp", 21, "tcp"],
  ["ssh", 22, "tcp"],
  ["telnet", 23, "tcp"],
  ["smtp", 25, "tcp", "mail"],
  ["time", 37, "tcp udp", "timserver"],
  ["whois", 43, "tcp", "nicname"],
  ["domain", 53, "tcp udp"],
  ["bootps", 67, "udp"],
  ["bootpc", 68, "udp"],
  ["tftp", 69, "udp"],
  ["gopher", 70, "tcp"],
  ["finger", 79, "tcp"],
  ["http", 80, "tcp", "www"],
  ["kerberos", 88, "tcp udp", "kerberos5 krb5 kerberos-sec"],
  ["pop3", 110, "tcp", "pop-3"],
  ["sunrpc", 111, "tcp udp", "portmapper"],
  ["auth", 113, "tcp", "authentication tap ident"],
  ["nntp", 119, "tcp", "readnews untp"],
  ["ntp", 123, "udp"],
  ["netbios-ns", 137, "udp"],
  ["netbios-dgm", 138, "udp"],
  ["netbios-ssn", 139, "tcp"],
  ["imap2", 143, "tcp", "imap"],
  ["snmp", 161, "tcp udp"],
  ["snmp-trap", 162, "tcp udp", "snmptrap"],
  ["bgp", 179, "tcp"],
  ["irc", 194, "tcp udp"],
  ["ldap", 389, "tcp udp"],
  ["https", 443, "tcp udp"],
  ["microsoft-ds", 445, "tcp udp"],
  ["submissions", 465, "tcp", "ssmtp smtps urd"],
  ["isakmp", 500, "udp"],
  ["syslog", 514, "udp"],
  ["printer", 515, "tcp", "spooler"],
  ["dhcpv6-client", 546, "udp"],
  ["dhcpv6-server", 547, "udp"],
  ["submission", 587, "tcp"],
  ["ipp", 631, "tcp"],
  ["ldaps", 636, "tcp udp"],
  ["domain-s", 853, "tcp udp"],
  ["rsync", 873, "tcp"],
  ["imaps", 993, "tcp"],
  ["pop3s", 995, "tcp"],
  ["socks", 1080, "tcp"],
  ["mqtt", 1883, "tcp"],
  ["nfs", 2049, "tcp udp"],
  ["mysql", 3306, "tcp"],
  ["ms-wbt-server", 3389, "tcp"],
  ["sip", 5060, "tcp udp"],
  ["xmpp-client", 5222, "tcp", "jabber-client"],
  ["mdns", 5353, "udp"],
  ["postgresql", 5432, "tcp", "postgres"],
  ["amqp", 5672, "tcp sctp"],
  ["x11", 6000, "tcp", "x11-0"],
  ["redis", 6379, "tcp"],
  ["http-alt", 8080, "tcp udp", "webcache"]
])
