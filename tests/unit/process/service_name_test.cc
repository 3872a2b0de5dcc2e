#include "agent/process/service_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tracelet::process {
namespace {

struct Case {
  std::string_view expected;
  std::string_view exe;
  std::vector<std::string> args;
  std::string_view cwd = "/";
  std::string_view cgroup = "";
};

ProcessInfo Describe(const Case& c) {
  ProcessInfo info;
  info.exe = c.exe;
  info.args = c.args;
  info.cgroup = c.cgroup;
  info.comm = "comm";
  return info;
}

// Command lines as /proc shows them.
const Case kCases[] = {
    // Java
    {"orders", "/usr/lib/jvm/java-17/bin/java", {"java", "-jar", "/opt/orders.jar"}},
    {"order-service",
     "/usr/bin/java",
     {"java", "-Xmx512m", "-jar", "target/order-service-0.0.1-SNAPSHOT.jar", "--server.port=80"}},
    {"shop", "/usr/bin/java", {"java", "-jar", "/srv/shop/app.jar"}},
    {"shop", "/usr/bin/java", {"/usr/bin/java", "-jar", "app.jar"}, "/srv/shop"},
    {"ShopApplication", "/usr/bin/java", {"java", "-cp", "/a.jar:/b.jar", "com.example.shop.ShopApplication"}},
    {"Main",
     "/usr/bin/java",
     {"java", "--add-opens", "java.base/java.lang=ALL-UNNAMED", "@/tmp/args", "Main", "serve"}},
    {"com.example.shop", "/usr/bin/java", {"java", "-p", "mods", "-m", "com.example.shop/com.example.Main"}},
    {"shop", "/usr/bin/java", {"java", "-cp", ".", "org.springframework.boot.loader.launch.JarLauncher"}, "/srv/shop"},
    {"billing", "/usr/bin/java", {"java", "-Dspring.application.name=billing", "-jar", "x.jar"}},
    {"tomcat",
     "/usr/bin/java",
     {"java", "-classpath", "/t/bootstrap.jar", "org.apache.catalina.startup.Bootstrap", "start"}},
    // Python
    {"shop", "/usr/bin/python3.11", {"python", "-m", "flask", "--app", "shop", "run", "--port", "5000"}},
    {"shop", "/usr/bin/python3.11", {"/venv/bin/python3", "/venv/bin/flask", "--app=shop.wsgi:app", "run"}},
    {"cart", "/usr/bin/python3.11", {"python3", "-m", "flask", "run"}, "/srv/cart"},
    {"flask", "/usr/bin/python3.11", {"python3", "-m", "flask", "run"}},
    {"inventory", "/usr/bin/python3.11", {"python3", "inventory.py"}},
    {"inventory", "/usr/bin/python3.11", {"python3", "-u", "-W", "ignore", "/srv/inventory/app.py", "8080"}},
    {"inventory", "/usr/bin/python3.11", {"python3", "src/main.py"}, "/srv/inventory"},
    {"app", "/usr/bin/python3.11", {"python3", "app.py"}},
    {"http.server", "/usr/bin/python3.11", {"python3", "-m", "http.server", "8000"}},
    {"shop", "/usr/bin/python3.11", {"python3", "manage.py", "runserver"}, "/srv/shop"},
    {"shop",
     "/usr/bin/python3.11",
     {"/usr/bin/python3", "/usr/bin/gunicorn", "-w", "4", "-b", "0.0.0.0:8000", "shop:app"}},
    {"shop",
     "/usr/bin/python3.11",
     {"/usr/bin/python3", "/usr/bin/gunicorn", "-k", "uvicorn.workers.UvicornWorker", "shop.asgi:app"}},
    {"shop",
     "/usr/bin/python3.11",
     {"python3", "-m", "gunicorn", "--preload", "-b", "unix:/run/x.sock", "shop:create_app()"}},
    {"store", "/usr/bin/python3.11", {"python3", "/usr/bin/gunicorn", "--name", "store", "app:app"}},
    {"pay", "/usr/bin/python3.11", {"/usr/bin/python3", "/usr/local/bin/uvicorn", "pay.main:app", "--host", "0.0.0.0"}},
    {"pay", "/usr/bin/python3.11", {"/usr/bin/python3", "/usr/local/bin/uvicorn", "main:app"}, "/srv/pay"},
    {"shop", "/usr/bin/python3.11", {"gunicorn: worker [shop:app]"}},
    {"gunicorn", "/usr/bin/python3.11", {"gunicorn: master [gunicorn]"}},
    {"jobs", "/usr/bin/python3.11", {"/usr/bin/python3", "/usr/bin/celery", "-A", "jobs", "worker"}},
    {"python3.11", "/usr/bin/python3.11", {"python3", "-c", "import x"}},
    // Node
    {"api-gateway", "/usr/bin/node", {"node", "/srv/api-gateway/server.js"}},
    {"api-gateway", "/usr/bin/node", {"node", "--max-old-space-size=4096", "dist/index.js"}, "/srv/api-gateway"},
    {"web", "/usr/bin/node", {"node", "-r", "dotenv/config", "--import", "./x.mjs", "web.mjs"}},
    {"shop", "/usr/bin/node", {"node", "/srv/shop/node_modules/.bin/next", "start"}, "/srv/shop"},
    {"server", "/usr/bin/node", {"node", "server.js"}},
    {"node", "/usr/bin/node", {"node", "-e", "require('http')"}},
    {"worker", "/usr/bin/nodejs", {"nodejs", "worker.js"}},
    // Ruby, PHP, .NET
    {"shop", "/usr/bin/ruby3.1", {"puma 6.4.2 (tcp://0.0.0.0:9292) [shop]"}},
    {"shop", "/usr/bin/ruby3.1", {"puma: cluster worker 0: 4711 [shop]"}},
    {"shop", "/usr/bin/ruby3.1", {"ruby", "bin/rails", "server"}, "/srv/shop"},
    {"sinatra_app", "/usr/bin/ruby3.1", {"ruby", "-I", "lib", "sinatra_app.rb"}},
    {"shop", "/usr/bin/php8.2", {"php", "artisan", "serve"}, "/srv/shop"},
    {"php8.2", "/usr/bin/php8.2", {"php", "-S", "0.0.0.0:80", "-t", "public"}},
    {"php-fpm", "/usr/sbin/php-fpm8.2", {"php-fpm: pool www"}},
    {"Shop.Api", "/usr/bin/dotnet", {"dotnet", "/app/Shop.Api.dll"}},
    // Binaries
    {"nginx", "/usr/sbin/nginx", {"nginx: worker process"}},
    {"nginx", "/usr/sbin/nginx", {"nginx: master process /usr/sbin/nginx -g daemon off;"}},
    {"orders", "/srv/bin/orders-linux-amd64", {"./orders-linux-amd64"}, "/", "/system.slice/orders.service"},
    {"orders-linux-amd64", "/srv/bin/orders-linux-amd64", {"./orders-linux-amd64"}, "/", "/user.slice/session-1.scope"},
    {"curl", "/usr/bin/curl", {"curl", "http://localhost: 80/"}},
    {"wget", "/bin/busybox", {"wget", "-q", "http://x"}},
    {"curl", "", {"/usr/bin/curl", "x"}},
    {"bash", "/usr/bin/bash", {"-bash"}},
    {"pythonista", "/usr/bin/pythonista", {"pythonista", "x"}},
    {"comm", "", {}},
};

TEST(ServiceName, IsNotThatOfTheRuntimesUnit) {
  ProcessInfo info = Describe({"", "/usr/bin/orders", {"/usr/bin/orders"}, "/", "/system.slice/containerd.service"});
  EXPECT_EQ(ServiceName(info, {}), "containerd");
  info.container_id = std::string(64, 'a');  // of version 1's path: both versions are in use
  EXPECT_EQ(ServiceName(info, {}), "orders");
}

TEST(ServiceName, FromRealCommandLines) {
  for (const Case& c : kCases) {
    EXPECT_EQ(ServiceName(Describe(c), {.otel_service_name = "", .cwd = std::string(c.cwd)}), c.expected)
        << testing::PrintToString(c.args);
  }
}

TEST(ServiceName, IsWhatTheEnvironmentSays) {
  ProcessInfo info = Describe({"", "/usr/bin/curl", {"curl"}});
  info.resource_attributes = {"service.namespace=eu", "service.name=basket"};
  EXPECT_EQ(ServiceName(info, {}), "basket");
  EXPECT_EQ(ServiceName(info, {.otel_service_name = "cart", .cwd = ""}), "cart");
  info.resource_attributes = {"service.name="};
  EXPECT_EQ(ServiceName(info, {}), "curl");
}

TEST(ServiceName, IsNeverEmpty) {
  EXPECT_EQ(ServiceName({}, {}), "unknown_service");
  ProcessInfo info;
  for (const char* runtime :
       {"python3", "node", "java", "ruby", "php", "dotnet", "gunicorn", "flask", "puma ", ": ", ""}) {
    for (const char* arg : {"", "-", "-m", "-jar", "--app", ":", "/", "..", "."}) {
      info.args = {runtime, arg};
      EXPECT_NE(ServiceName(info, {}), "") << runtime << " " << arg;
    }
  }
}

TEST(ParseResourceAttributes, DecodesWhatTheSdksDo) {
  using testing::ElementsAre;
  EXPECT_THAT(ParseResourceAttributes("service.name=shop, k8s.pod.name = a%2Cb%20c"),
              ElementsAre("service.name=shop", "k8s.pod.name=a,b c"));
  EXPECT_THAT(ParseResourceAttributes("a=%zz%4,=x,,novalue,b=1=2"), ElementsAre("a=%zz%4", "b=1=2"));
  EXPECT_THAT(ParseResourceAttributes(""), ElementsAre());
}

}  // namespace
}  // namespace tracelet::process
