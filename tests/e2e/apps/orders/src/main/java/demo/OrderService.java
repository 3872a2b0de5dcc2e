package demo;

import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

/** POST /orders/ID; the last service of the chain. */
@SpringBootApplication
@RestController
public class OrderService {
  public static void main(String[] args) {
    SpringApplication.run(OrderService.class, args);
  }

  @PostMapping("/orders/{id}")
  public Map<String, Object> order(@PathVariable String id, @RequestBody Map<String, Object> body) {
    return Map.of("id", id, "via", "orders", "items", body.size());
  }
}
