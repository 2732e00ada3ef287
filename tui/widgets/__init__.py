"""What the screen is made of: panes that draw views, and the layouts behind them."""
