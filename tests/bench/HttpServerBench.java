import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URL;
import java.util.concurrent.Executors;

/** The JDK's HttpServer with a pool, for counting.py: PORT [NEXT]. With NEXT, each request asks there first, over kept connections. */
class HttpServerBench {
  static String next;

  static void answer(HttpExchange exchange) throws IOException {
    exchange.getRequestBody().readAllBytes();
    if (next != null) {
      try (var asked = new URL(next).openStream()) {
        asked.readAllBytes();
      }
    }
    byte[] body = "hello world\n".getBytes();
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  public static void main(String[] arguments) throws IOException {
    next = arguments.length > 1 ? arguments[1] : null;
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])), 0);
    server.createContext("/", HttpServerBench::answer);
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.start();
  }
}
