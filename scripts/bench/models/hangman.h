/* The course's hangman for both C servers: twelve lives; each read is a turn, and its first byte is the guess. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const words[] = {"plane", "garden", "machine", "notebook", "dangerous", "blackboard"};

typedef struct {
  const char *word;
  char mask[16];
  int lives;
} Game;

static Game begin(unsigned number) {
  Game game = {.word = words[number % (sizeof words / sizeof *words)], .lives = 12};
  memset(game.mask, '-', strlen(game.word));
  return game;
}

static void guess(Game *game, char letter) {
  int isRight = 0;
  for (int i = 0; game->word[i] != 0; i++)
    if (game->word[i] == letter) {
      game->mask[i] = letter;
      isRight = 1;
    }
  if (!isRight && --game->lives == 0) strcpy(game->mask, game->word);
}

static int is_over(const Game *game) { return strchr(game->mask, '-') == NULL; }

/* A line is shorter than the send buffer, so it is sent completely or not at all. */
static int show(int client, const Game *game) {
  char line[40];
  int length = snprintf(line, sizeof line, " %s   %d\n", game->mask, game->lives);
  return write(client, line, length) == length;
}

/* Listens on a port that the kernel chooses, and prints it. */
static int listen_anywhere(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  signal(SIGCHLD, SIG_IGN); /* the kernel reaps children */
  signal(SIGPIPE, SIG_IGN);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 511) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
    perror("hangman");
    _exit(1);
  }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

static int accept_client(int listener) {
  const int on = 1;
  int client = accept(listener, NULL, NULL);
  if (client >= 0) setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return client;
}
