package demo;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication.Type;
import org.springframework.boot.web.embedded.netty.NettyReactiveWebServerFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestTemplate;
import org.springframework.web.reactive.function.client.WebClient;
import reactor.core.publisher.Mono;

/**
 * Spring's servers and clients: Tomcat, or Netty with --spring.main.web-application-type=reactive. POST /WAY/ID asks $NEXT/ID
 * and answers what that answered. rest: the thread of the request asks by RestTemplate. client: Spring's WebClient, that is
 * reactor-netty; Tomcat's thread has gone when the answer comes. block: the thread waits for WebClient's. turning: as rest, for
 * 500 requests; from then on another thread of Tomcat's pool goes on with the request (AsyncContext.start).
 */
@SpringBootApplication
@RestController
public class Web {
  private static final String NEXT = System.getenv("NEXT") + "/{id}";
  private static final int TURN = 500;
  private final AtomicInteger served = new AtomicInteger();
  private final RestTemplate template = new RestTemplate();
  private final WebClient client = WebClient.create();

  public static void main(String[] arguments) {
    SpringApplication.run(Web.class, arguments);
  }

  /** Tomcat can be reactive, too, and would be. */
  @Bean
  @ConditionalOnWebApplication(type = Type.REACTIVE)
  NettyReactiveWebServerFactory netty() {
    return new NettyReactiveWebServerFactory();
  }

  @PostMapping("/rest/{id}")
  public byte[] rest(@PathVariable String id, @RequestBody byte[] body) {
    return template.postForObject(NEXT, body, byte[].class, id);
  }

  @PostMapping("/turning/{id}")
  public void turning(
      HttpServletRequest request, HttpServletResponse response, @PathVariable String id, @RequestBody byte[] body) {
    if (served.incrementAndGet() <= TURN) {
      answer(response, rest(id, body));
      return;
    }
    AsyncContext context = request.startAsync();
    context.start(() -> {
      answer(response, rest(id, body));
      context.complete();
    });
  }

  private static void answer(HttpServletResponse response, byte[] body) {
    try {
      response.setContentLength(body.length);
      response.getOutputStream().write(body);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  @PostMapping("/client/{id}")
  public Mono<byte[]> client(@PathVariable String id, @RequestBody byte[] body) {
    return client.post().uri(NEXT, id).bodyValue(body).retrieve().bodyToMono(byte[].class);
  }

  @PostMapping("/block/{id}")
  public byte[] block(@PathVariable String id, @RequestBody byte[] body) {
    return client(id, body).block();
  }
}
