<?php
// Stand-ins of the classes of Magento 2 that the recipe uses. Their methods are those of its public documentation.

namespace Magento\Framework\App {
    interface RequestInterface {}
}

namespace Magento\Framework\View\Element\Block {
    interface ArgumentInterface {}
}

namespace Magento\Framework\Event {
    interface ObserverInterface
    {
        public function execute(Observer $observer);
    }

    class Observer
    {
        public function __construct(private object $event)
        {
        }

        public function getEvent()
        {
            return $this->event;
        }
    }
}

namespace Psr\Log {
    interface LoggerInterface {}
}

namespace {
    class Stored implements Magento\Framework\App\RequestInterface, Psr\Log\LoggerInterface
    {
        public function __construct(private array $values)
        {
        }

        public function __call($name, $arguments)
        {
            $value = $this->values[$name] ?? throw new Exception("$name is not part of the stand-in");
            return $value instanceof Closure ? $value(...$arguments) : $value;
        }
    }

    [, $folder, $page] = $argv;
    if ($page === 'order') {
        require "$folder/Observer/SendOrder.php";
        $item = new Stored(['getProductId' => '312', 'getQtyOrdered' => '2.0000']);
        $order = new Stored(['getIncrementId' => '000001001', 'getCreatedAt' => gmdate('Y-m-d H:i:s'), 'getCustomerEmail' => 'jo@shop.example',
            'getGrandTotal' => '29.9000', 'getStatus' => 'complete', 'getAllVisibleItems' => [5 => $item]]);
        $logged = 0;
        $logger = new Stored(['error' => function () use (&$logged) { $logged += 1; }]);
        $event = new Stored(['getOrder' => $order]);
        (new Tillroll\Tracking\Observer\SendOrder($logger))->execute(new Magento\Framework\Event\Observer($event));
        echo $logged;
        exit;
    }
    require "$folder/ViewModel/Page.php";
    $actions = ['product' => 'catalog_product_view', 'category' => 'catalog_category_view', 'search' => 'catalogsearch_result_index',
        'checkout' => 'checkout_index_index', 'home' => 'cms_index_index'];
    $request = new Stored(['getFullActionName' => $actions[$page], 'getParam' => fn ($name) => $name === 'id' ? '312' : '</script>shirt']);
    $block = new Stored(['getData' => fn ($name) => new Tillroll\Tracking\ViewModel\Page($request)]);
    $secureRenderer = new Stored(['renderTag' => fn ($name, $attributes, $content, $isText) => "<$name nonce=\"n\">$content</$name>"]);
    require __DIR__ . '/library.php';
    // What the layout adds to the head.
    echo library($folder), '<body>';
    require "$folder/calls.phtml";
}
