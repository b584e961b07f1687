/*
 * A server with one process and one select() loop, which keeps a game for each descriptor. It serves only descriptors
 * below FD_SETSIZE, which is 1,024. Exits at the end of its standard input.
 */
#include "hangman.h"
#include <sys/select.h>

static Game games[FD_SETSIZE];

int main(void) {
  int listener = listen_anywhere(), highest = listener;
  unsigned number = 0;
  fd_set watched;
  FD_ZERO(&watched);
  FD_SET(STDIN_FILENO, &watched);
  FD_SET(listener, &watched);
  for (;;) {
    fd_set ready = watched;
    if (select(highest + 1, &ready, NULL, NULL, NULL) < 0 || FD_ISSET(STDIN_FILENO, &ready)) return 0;
    if (FD_ISSET(listener, &ready)) {
      int client = accept_client(listener);
      if (client >= FD_SETSIZE)
        close(client);
      else if (client >= 0) {
        games[client] = begin(number++);
        FD_SET(client, &watched);
        if (client > highest) highest = client;
        show(client, &games[client]);
      }
    }
    for (int client = listener + 1; client <= highest; client++) {
      char bytes[80];
      if (!FD_ISSET(client, &watched) || !FD_ISSET(client, &ready)) continue;
      int isHere = read(client, bytes, sizeof bytes) > 0;
      if (isHere) {
        guess(&games[client], bytes[0]);
        isHere = show(client, &games[client]) && !is_over(&games[client]);
      }
      if (isHere) continue;
      close(client);
      FD_CLR(client, &watched);
    }
  }
}
