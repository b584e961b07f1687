/**
 * Rot13 server in C with a process per client, as in the textbooks, with all usual optimisations.
 *
 * Prints the port it listens on (127.0.0.1, chosen by the kernel), and exits at the end of its input, so that it does
 * not outlive its parent.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned char table[256];
static unsigned char buffer[64 * 1024];

static void fill_table(void) {
  for (int byte = 0; byte < 256; byte++) table[byte] = byte;
  for (int i = 0; i < 26; i++) {
    table['A' + i] = 'A' + (i + 13) % 26;
    table['a' + i] = 'a' + (i + 13) % 26;
  }
}

static void serve(int client) {
  const int on = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ssize_t length;
  while ((length = read(client, buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < length; i++) buffer[i] = table[buffer[i]];
    for (ssize_t done = 0; done < length;) {
      ssize_t written = write(client, buffer + done, length - done);
      if (written < 0) return;
      done += written;
    }
  }
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  fill_table();
  signal(SIGCHLD, SIG_IGN); /* the kernel reaps: no zombies */
  signal(SIGPIPE, SIG_IGN);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 511) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
    perror("rot13d");
    return 1;
  }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  struct pollfd wanted[] = {{.fd = listener, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
  while (poll(wanted, 2, -1) > 0 && wanted[1].revents == 0) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    if (fork() == 0) {
      close(listener);
      serve(client);
      _exit(0);
    }
    close(client);
  }
  return 0;
}
