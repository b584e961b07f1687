/* A server with a process for each client, as the course's server. Exits at the end of its standard input. */
#include "hangman.h"
#include <poll.h>

static void serve(int client, unsigned number) {
  Game game = begin(number);
  char bytes[80];
  if (!show(client, &game)) return;
  while (!is_over(&game) && read(client, bytes, sizeof bytes) > 0) {
    guess(&game, bytes[0]);
    if (!show(client, &game)) return;
  }
}

int main(void) {
  int listener = listen_anywhere();
  struct pollfd wanted[] = {{.fd = listener, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
  for (unsigned number = 0; poll(wanted, 2, -1) > 0 && wanted[1].revents == 0; number++) {
    int client = accept_client(listener);
    if (client < 0) continue;
    if (fork() == 0) {
      close(listener);
      serve(client, number);
      _exit(0);
    }
    close(client);
  }
  return 0;
}
