/** Our imitations of the course's rot13 clients print what programs of the same text print, byte for byte. */
import * as ChildProcess from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"

const has = (command: string) => ChildProcess.spawnSync("which", [command]).status === 0

/** The client with gethostbyname: copies standard input, one read for each write. */
const oldClient = `
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
int main(int argc, char *argv[]) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
  struct hostent *host = gethostbyname(argv[1]);
  char buffer[1024];
  int count, sock = socket(AF_INET, SOCK_STREAM, 0);
  memcpy(&address.sin_addr, host->h_addr, host->h_length);
  if (connect(sock, (struct sockaddr *) &address, sizeof address) < 0) exit(4);
  printf("connected to server %s\\n", argv[1]);
  fflush(stdout);
  while ((count = read(0, buffer, sizeof buffer)) > 0) {
    write(sock, buffer, count);
    count = read(sock, buffer, sizeof buffer);
    write(1, buffer, count);
  }
  return 0;
}`

/** The client of getaddrinfo(3): each argument with its NUL, at most 498 bytes. */
const newClient = `
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#define BUF_SIZE 500
int main(int argc, char *argv[]) {
  struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *found, *one;
  char buffer[BUF_SIZE];
  int sock = -1;
  if (getaddrinfo(argv[1], argv[2], &hints, &found) != 0) return 1;
  for (one = found; one != NULL; one = one->ai_next) {
    sock = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
    if (sock >= 0 && connect(sock, one->ai_addr, one->ai_addrlen) != -1) break;
    close(sock);
  }
  for (int at = 3; at < argc; at++) {
    size_t length = strlen(argv[at]) + 1;
    if (length + 1 > BUF_SIZE) {
      fprintf(stderr, "Ignoring long message in argument %d\\n", at);
      continue;
    }
    write(sock, argv[at], length);
    ssize_t count = read(sock, buffer, BUF_SIZE);
    printf("Received %ld bytes: %s\\n", (long) count, buffer);
  }
  return 0;
}`

const pythonClient = `
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
for text in sys.argv[3:]:
    connection.send(text.encode())
    print(connection.recv(1024).decode(), end=" ")
`

/** Output of a program. */
const run = (command: string, args: ReadonlyArray<string>, input = "") => {
  const child = ChildProcess.spawn(command, args)
  child.stdin.end(input)
  const output = { stdout: "", stderr: "" }
  child.stdout.on("data", (text) => (output.stdout += text))
  child.stderr.on("data", (text) => (output.stderr += text))
  return Effect.promise(() => new Promise<typeof output>((resolve) => child.on("close", () => resolve(output))))
}

/** Compiles a C program. Returns the path of the executable. */
const compile = Effect.fnUntraced(function* (source: string) {
  const { inRoot } = yield* directory({ "client.c": source })
  const { status, stderr } = ChildProcess.spawnSync("cc", ["-w", "-o", inRoot("client"), inRoot("client.c")])
  assert.strictEqual(status, 0, `${stderr}`)
  return inRoot("client")
})

const send = (style: string, args: ReadonlyArray<string>, stdin = "") =>
  Effect.map(
    Cli.runInProcess(["rot13", "send", "--style", style, ...args], { stdin: Buffer.from(stdin) }),
    ({ stderr, stdout }) => ({ stdout, stderr })
  )

const messages = ["Hello", "", "Wörld, 3 words", "x".repeat(498), "y".repeat(499), "z"]

describe("rot13 send --style", () => {
  it.live.skipIf(!has("cc"))("old prints what the client with gethostbyname prints (skipped without cc)", () =>
    Effect.gen(function* () {
      const { address, port } = yield* Cli.serveInProcess(["rot13", "serve"])
      const args = [address, `${port}`]
      const original = yield* run(yield* compile(oldClient), args, "Hello\nWorld\n")
      assert.deepStrictEqual(yield* send("old", args, "Hello\nWorld\n"), original)
      assert.strictEqual(original.stdout, `connected to server ${address}\nUryyb\nJbeyq\n`)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!has("cc"))("new prints what the client of getaddrinfo(3) prints (skipped without cc)", () =>
    Effect.gen(function* () {
      const { address, port } = yield* Cli.serveInProcess(["rot13", "serve"])
      const args = [address, `${port}`, ...messages]
      const original = yield* run(yield* compile(newClient), args)
      assert.deepStrictEqual(yield* send("new", args), original)
      assert.strictEqual(original.stderr, "Ignoring long message in argument 7\n")
      assert.match(original.stdout, /^Received 6 bytes: Uryyb\nReceived 1 bytes: \n/)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!has("python3"))("python prints what the Python client prints (skipped without python3)", () =>
    Effect.gen(function* () {
      const { address, port } = yield* Cli.serveInProcess(["rot13", "serve"])
      const args = [address, `${port}`, "Hello", "Wörld"]
      const { inRoot } = yield* directory({ "client.py": pythonClient })
      const original = yield* run("python3", [inRoot("client.py"), ...args])
      assert.deepStrictEqual(yield* send("python", args), original)
      assert.strictEqual(original.stdout, "Uryyb Jöeyq ")
    }).pipe(Effect.scoped)
  )
})
